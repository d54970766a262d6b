/** What the API says of try-outs. */
import type { State } from '../../kit/contract.tsx'

export type TryOuts = { clients: string[]; providers: { id: string; name: string }[] }

export type Service = { serviceCode: string; serviceVersion?: string; type: 'REST' | 'OPENAPI' | 'WSDL' }

/** A service of the provider, and whether the client may call any of it. */
export type Offered = Service & { allowed: boolean }

export type Access = {
  contractsRequired: boolean
  provider: { id: string; name: string | null }
  contacts: { name: string; email: string }[]
  contracts: { contract: string; title: string; state: State; services: string[] }[]
}

export type Parties = { client: string; provider: string }

/** A value that the description asks for. */
export type Asked = {
  name: string
  description: string
  required: boolean
  type: 'string' | 'integer' | 'number' | 'boolean' | 'object' | 'array' | 'json'
  format?: string
  values?: string[]
  pattern?: string
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  fields?: Asked[]
}

export type Operation = {
  method: string
  path: string
  summary: string
  description: string
  parameters: (Asked & { in: 'path' | 'query' | 'header' })[]
  body?: { required: boolean; contentType: string; sample: string; field?: Asked }
  answers: { status: string; description: string }[]
}

/** `about` is the description as a whole; null when there is none. */
export type Description = {
  about: { title: string; version: string; description: string } | null
  operations: Operation[]
}

export type Tried = { id: string; ms: number } & (
  | { outcome: 'REFUSED'; fault: { type: string; message: string; detail: string } }
  | {
      outcome: 'ANSWERED'
      status: number
      record: number
      headers: { name: string; value: string }[]
      body: { size: number; text: string; encoding: 'text' | 'base64'; isCut: boolean }
    }
)

/** As people write it: `getPerson/v1`. */
export function serviceName({ serviceCode, serviceVersion }: Service): string {
  return serviceVersion === undefined ? serviceCode : `${serviceCode}/${serviceVersion}`
}
