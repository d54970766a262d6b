/** The public names of @concordat/client. */
export type { Answer } from './answer.ts'
export {
  type CallOptions,
  type ConnectOptions,
  connect,
  type SecurityServer,
  type Service,
} from './connect.ts'
export { ExchangeError, type Where } from './exchange-error.ts'
export { codesOf, identifier } from './identifiers.ts'
export type { TlsOptions } from './transport.ts'
export { type Caller, CallerRefused, type VerifyOptions, verifyCaller } from './verify-caller.ts'
