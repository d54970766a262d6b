/**
 * What a request object asked, read from its claims: of the request that was just made, or of one that a
 * record keeps.
 */
import { type Query, readQuery } from './dcql/query.ts'
import { isObject, isTexts, type JsonObject } from './json.ts'
import { keyOfJwk } from './jws.ts'
import { need } from './refused.ts'
import type { EcJwk } from './thumbprint.ts'
import { readTransaction, type TransactionEntry } from './transaction-data.ts'

export type ResponseMode = 'direct_post' | 'direct_post.jwt'
export type EncryptionJwk = EcJwk & { use: string; alg: string; kid: string }

export type Asked = {
  /** With its prefix, always: the holder signs it as it stands. */
  clientId: string
  nonce: string
  state: string | undefined
  responseUri: string
  responseMode: ResponseMode
  query: Query
  /** The key to which the answer is encrypted, when it is. */
  encryption: EncryptionJwk | undefined
  transactionData: TransactionEntry[]
  issuedAt: Date
  expiresAt: Date
}

/** Refuses with `record_malformed` what this verifier would not have asked. */
export function readAsked(claims: JsonObject): Asked {
  const { client_id: clientId, nonce, response_uri: responseUri, response_mode: responseMode } = claims
  const { state, iat, exp, transaction_data: transactionData = [], client_metadata: metadata } = claims
  need(typeof clientId === 'string' && typeof nonce === 'string', 'record_malformed', 'client_id or nonce')
  need(typeof responseUri === 'string', 'record_malformed', 'response_uri')
  need(responseMode === 'direct_post' || responseMode === 'direct_post.jwt', 'record_malformed', 'mode')
  need(state === undefined || typeof state === 'string', 'record_malformed', 'state')
  need(typeof iat === 'number' && typeof exp === 'number', 'record_malformed', 'iat or exp')
  need(isTexts(transactionData), 'record_malformed', 'transaction_data')
  const isEncrypted = responseMode === 'direct_post.jwt'
  return {
    ...{ clientId, nonce, state, responseUri, responseMode },
    query: readQuery(claims.dcql_query),
    encryption: isEncrypted ? readEncryption(metadata) : undefined,
    transactionData: transactionData.map(readTransaction),
    issuedAt: new Date(iat * 1000),
    expiresAt: new Date(exp * 1000),
  }
}

function readEncryption(metadata: unknown): EncryptionJwk {
  need(isObject(metadata) && isObject(metadata.jwks), 'record_malformed', 'client_metadata')
  const { keys } = metadata.jwks
  need(Array.isArray(keys) && keys.length === 1 && isObject(keys[0]), 'record_malformed', 'jwks')
  const jwk: JsonObject = keys[0]
  keyOfJwk(jwk, 'record_malformed')
  const { kid, alg, use } = jwk
  need(typeof kid === 'string' && alg === 'ECDH-ES' && use === 'enc', 'record_malformed', 'jwks')
  const { kty, crv, x, y } = jwk as EncryptionJwk
  return { kty, crv, x, y, use, alg, kid }
}
