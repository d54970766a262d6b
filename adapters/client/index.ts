/** The public names of @concordat/client. */
export type { Answer } from './answer.ts'
export {
  type CallOptions,
  type ConnectOptions,
  connect,
  type SecurityServer,
  type Service,
  type SoapService,
} from './connect.ts'
export { ExchangeError, type SoapFault, type Where } from './exchange-error.ts'
export { codesOf, identifier } from './identifiers.ts'
export type { Attachment, SoapAnswer, SoapOptions } from './soap-call.ts'
export type { TlsOptions } from './transport.ts'
export { type Caller, CallerRefused, type VerifyOptions, verifyCaller } from './verify-caller.ts'
export type { AttachmentToSend } from './write-multipart.ts'
