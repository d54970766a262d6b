/**
 * An SD-JWT VC (RFC 9901): issued to the holder's key, presented with the disclosures that are asked for and
 * nothing else.
 */
import { createHash, type KeyObject, randomBytes, sign } from 'node:crypto'
import { hashOfTransaction } from '#core/presentation/transaction-data.ts'
import type { Held, Issuer } from './held.ts'
import type { Pair } from './keys.ts'

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const digest = (text: string): string => createHash('sha256').update(text).digest('base64url')
const seconds = (ms: number): number => Math.floor(ms / 1000)

function jws(header: object, payload: object, key: KeyObject): string {
  const signed = `${encode({ alg: 'ES256', ...header })}.${encode(payload)}`
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}

export function issueSdJwt(q: {
  issuer: Issuer
  holder: Pair
  type: string
  /** What has parts is shown as a whole. */
  claims: Record<string, string | Record<string, unknown>>
  from: number
  until: number
}): Held {
  const { issuer, holder, type, claims } = q
  const disclosures = new Map(
    Object.entries(claims).map(([name, value]) => [
      name,
      encode([randomBytes(16).toString('base64url'), name, value]),
    ]),
  )
  const payload = {
    ...{ vct: type, nbf: seconds(q.from), exp: seconds(q.until), cnf: { jwk: holder.jwk } },
    ...{ _sd_alg: 'sha-256', _sd: [...disclosures.values()].map(digest).sort() },
  }
  const x5c = issuer.chain.map((der) => der.toString('base64'))
  const token = jws({ typ: 'dc+sd-jwt', x5c }, payload, issuer.key)
  return {
    ...{ format: 'dc+sd-jwt', type, paths: Object.entries(claims).flatMap(pathsIn) },
    present({ asked, id, paths }) {
      const bound = `${[token, ...paths.map(([name = '']) => disclosures.get(name)!)].join('~')}~`
      const transactions = asked.transactionData.filter(({ credentialIds }) => credentialIds.includes(id))
      const payload = {
        ...{ iat: seconds(Date.now()), aud: asked.clientId, nonce: asked.nonce, sd_hash: digest(bound) },
        ...(transactions.length > 0 && {
          transaction_data_hashes: transactions.map(({ text }) => hashOfTransaction(text)),
          transaction_data_hashes_alg: 'sha-256',
        }),
      }
      return bound + jws({ typ: 'kb+jwt' }, payload, holder.privateKey)
    },
  }
}

function pathsIn([name, value]: [string, string | Record<string, unknown>]): string[][] {
  return typeof value === 'string' ? [[name]] : Object.keys(value).map((part) => [name, part])
}
