/** What is asked of the thread that reads documents, and what it answers. */

export type Described = { type: 'OPENAPI' | 'WSDL'; text: string; serviceCode: string }

/** A value that a form asks for. `json`: whatever its schema says, written as JSON. */
export type Field = {
  name: string
  description: string
  required: boolean
  type: 'string' | 'integer' | 'number' | 'boolean' | 'object' | 'array' | 'json'
  format?: string
  /** Texts of the values among which one is. */
  values?: string[]
  pattern?: string
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  /** Of an object. */
  fields?: Field[]
  /** Of a list. */
  items?: Field
}

export type Operation = {
  method: string
  /** With templates: /persons/{code}. */
  path: string
  summary: string
  description: string
  parameters: (Field & { in: 'path' | 'query' | 'header' })[]
  /** `sample` is a body that fits, as far as one can be made. */
  body?: { required: boolean; contentType: string; sample: string; field?: Field }
  answers: { status: string; description: string }[]
}

/** `about` is the document as a whole; `description`, here and of an operation, may be Markdown. */
export type Description = {
  about: { title: string; version: string; description: string }
  operations: Operation[]
}
