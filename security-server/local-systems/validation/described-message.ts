/** What is held against a description, and what comes of it: all of it crosses threads. */
import type { RestMessage } from '#core/openapi/rest-message.ts'
import type { SoapMessage } from '#core/wsdl/compile-wsdl.ts'

/** A description's document: OPENAPI as JSON or YAML, WSDL as XML. */
export type Described = { type: 'OPENAPI' | 'WSDL'; text: string }

export type DescribedMessage = RestMessage | SoapMessage

/** Compiles a document, and judges messages by it. */
export type TryQuestion = { document: Described; messages: DescribedMessage[] }

/** Of documents by their digest. */
export type ValidationQuestion =
  | { act: 'compile'; digest: string; document: Described }
  | { act: 'judge'; digest: string; message: DescribedMessage }
  | { act: 'forget'; digest: string }
