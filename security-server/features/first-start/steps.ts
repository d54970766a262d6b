/** The steps of a first start, in their order, and what one says of itself. */
import type { RequestState } from '#schemas/management-request.ts'
import { kept, type Said, type Word } from '#schemas/said.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'
import type { AnchorSummary } from '../../global-configuration/state.ts'
import type { DescriptionType } from '../../local-systems/view.ts'

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

/** Who can bring a step further: people here, or somebody elsewhere for whom it waits. */
type Actor = 'operator' | 'authority' | 'registry' | 'timeStamping'

/** What a step is about, as far as it exists; which of it depends on the step. */
type About = Partial<AnchorSummary> & {
  source?: string | undefined
  expiresAt?: Date | undefined
  fetchedAt?: Date | undefined
  serverId?: string
  memberId?: string
  memberName?: string | undefined
  serverCode?: string
  tokenId?: string | undefined
  /** Of the token. */
  name?: string | undefined
  pin?: { minLength: Whole; classes: Whole } | undefined
  keyId?: string
  csrId?: string | undefined
  sha256?: string | undefined
  notAfter?: Time | undefined
  /** Where other servers reach this one. */
  address?: string
  filed?: Filed | undefined
  clientId?: string | undefined
  descriptionId?: Whole
  serviceId?: Whole
  fullServiceId?: string
  /** That can be tried from here. */
  calls?: Callable[]
  /** The index of the record of the first answered call, and its time. */
  record?: Whole
  at?: Time
  /** From when on records wait for a time-stamp. */
  since?: Date
}

type Callable = {
  client: string
  provider: string
  serviceCode: string
  serviceVersion?: string
  type: DescriptionType
}

export type Filed = { request: number; state: RequestState; filedAt: string; reason?: string | undefined }

/**
 * `open`: not begun. `doing`: begun, the next act is one of people here. `waiting`: somebody elsewhere acts,
 * then it goes on by itself.
 */
export type Step = {
  name: StepName
  state: 'done' | 'doing' | 'waiting' | 'open'
  /** What comes next; absent in a step that is done. */
  missing?: string
  who?: Actor
  /** The step that has to be done before this one can be begun. */
  after?: StepName
  /** The words of a fault that stands in the way. */
  detail?: Said
  of: About
}

const MOST_WORDS = 500

const told = (detail: Word): Said => kept(String(detail).slice(0, MOST_WORDS))

export const done = (name: StepName, of: About): Step => ({ name, state: 'done', of })

/** A step in which people here act next. */
export function ours(
  name: StepName,
  q: { missing: string; begun?: boolean; after?: StepName | undefined; detail?: Word | undefined },
  of: About = {},
): Step {
  const { missing, begun = false, after, detail } = q
  return {
    ...{ name, state: begun ? 'doing' : 'open', missing, who: 'operator' },
    ...(after !== undefined && { after }),
    ...(detail !== undefined && { detail: told(detail) }),
    of,
  }
}

/** A step that waits for somebody elsewhere. */
export function waits(
  name: StepName,
  q: { missing: string; who: Actor; detail?: Word | undefined },
  of: About = {},
): Step {
  const { missing, who, detail } = q
  return {
    ...{ name, state: 'waiting', missing, who },
    ...(detail !== undefined && { detail: told(detail) }),
    of,
  }
}
