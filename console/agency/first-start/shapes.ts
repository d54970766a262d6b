/** What the API says of a first start. */

export type StepName =
  | 'anchor'
  | 'configuration'
  | 'owner'
  | 'token'
  | 'signing'
  | 'authentication'
  | 'client'
  | 'service'
  | 'call'
  | 'timeStamps'

type Filed = { request: number; state: string; filedAt: string; reason?: string }

export type Call = {
  client: string
  provider: string
  serviceCode: string
  serviceVersion?: string
  type: 'REST' | 'OPENAPI' | 'WSDL'
}

/** What a step is about, as far as it exists; which of it depends on the step. */
export type About = {
  hash?: string
  instance?: string
  generatedAt?: string
  addresses?: string[]
  source?: string
  expiresAt?: string
  serverId?: string
  memberId?: string
  memberName?: string
  serverCode?: string
  tokenId?: string
  pin?: { minLength: number; classes: number }
  name?: string
  keyId?: string
  csrId?: string
  sha256?: string
  notAfter?: string
  address?: string
  filed?: Filed
  clientId?: string
  descriptionId?: number
  serviceId?: number
  fullServiceId?: string
  calls?: Call[]
  record?: number
  at?: string
  since?: string
}

export type Step = {
  name: StepName
  state: 'done' | 'doing' | 'waiting' | 'open'
  missing?: string
  who?: 'operator' | 'authority' | 'registry' | 'timeStamping'
  /** The step that comes before it. */
  after?: StepName
  detail?: string
  of: About
}

export type Course = {
  serverId: string
  finished: boolean
  registry: { instance: string; name?: string; address?: string }
  authorities: string[]
  timeStamping: string[]
  steps: Step[]
}

/** What the body of a step is made of. */
export type BodyProps = { of: Step; course: Course }

export const FIRST_START = '/first-start'

/** What people here can do next; undefined when all waits for others. */
export function currentOf({ steps }: Course): Step | undefined {
  return steps.find(({ state, after }) => (state === 'open' || state === 'doing') && after === undefined)
}
