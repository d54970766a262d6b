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
export type { Delivery, Receipt, SendOptions } from './delivery.ts'
export type { CloudEvent, EventToSend } from './event.ts'
export { ExchangeError, type SoapFault, type Where } from './exchange-error.ts'
export { codesOf, identifier } from './identifiers.ts'
export type { Inbox } from './inbox.ts'
export type { FetchOptions, InboxEvent } from './inbox-event.ts'
export type { Published } from './publish.ts'
export type { ReceiveOptions } from './receive.ts'
export type { Attachment, SoapAnswer, SoapOptions } from './soap-call.ts'
export { type PushedEvent, type PushOptions, pushListener, takePush } from './take-push.ts'
export type { TlsOptions } from './transport.ts'
export { type Caller, CallerRefused, type VerifyOptions, verifyCaller } from './verify-caller.ts'
export type { Handle, WorkOptions } from './work.ts'
export type { AttachmentToSend } from './write-multipart.ts'
