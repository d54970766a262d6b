/** What the API says of try-outs. */

export type TryOuts = { clients: string[]; providers: { id: string; name: string }[] }

export type Service = { serviceCode: string; serviceVersion?: string; type: 'REST' | 'OPENAPI' | 'WSDL' }

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
