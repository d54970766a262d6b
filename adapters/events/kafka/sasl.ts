/**
 * Proves to a broker who the adapter is: SASL PLAIN (RFC 4616) and SCRAM (RFC 5802, 7677). Guarantees that by
 * SCRAM the password does not leave, and that a broker which does not know it either is not spoken to.
 */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type { BrokerSettings } from '../settings.ts'
import { check, kafkaError } from './error-codes.ts'
import { type Ask, SASL_AUTHENTICATE, SASL_HANDSHAKE } from './requests.ts'

const derive = promisify(pbkdf2)

/** RFC 7677, 4. More would be work that a false broker makes us do. */
const LEAST_ROUNDS = 4096
const MOST_ROUNDS = 100_000
const MOST_SALT_BYTES = 1024
const DIGESTS = {
  'scram-sha-256': { digest: 'sha256', bytes: 32 },
  'scram-sha-512': { digest: 'sha512', bytes: 64 },
} as const

/** Rejects when the broker refuses, or is none that knows the password. */
export async function authenticate(
  ask: Ask,
  { user, mechanism }: Pick<BrokerSettings, 'user' | 'mechanism'>,
  password = '',
): Promise<void> {
  if (user === undefined) return
  const { error, mechanisms } = await ask(SASL_HANDSHAKE, mechanism.toUpperCase())
  check(error, `: ${mechanism}; it knows ${mechanisms.join(', ').slice(0, 200)}`)
  const say = async (text: string): Promise<string> => {
    const answer = await ask(SASL_AUTHENTICATE, Buffer.from(text))
    if (answer.error !== 0) throw kafkaError(answer.error)
    return answer.bytes.toString()
  }
  if (mechanism === 'plain') await say(`\0${user}\0${password}`)
  else await scram(say, { user, password, ...DIGESTS[mechanism] })
}

/**
 * User and password are used as they are. RFC 5802 wants them prepared (SASLprep, RFC 4013), but Kafka's
 * brokers keep what they were given: prepared here, a password with characters that the preparation changes
 * would be another one than theirs.
 */
type ScramQuestion = { user: string; password: string; digest: string; bytes: number }

async function scram(say: (text: string) => Promise<string>, q: ScramQuestion): Promise<void> {
  const nonce = randomBytes(24).toString('base64')
  const first = `n=${q.user.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`
  const server = await say(`n,,${first}`)
  const { r = '', s = '', i = '' } = fieldsOf(server)
  const rounds = Number(i)
  const salt = Buffer.from(s, 'base64')
  const isGood = Number.isInteger(rounds) && rounds >= LEAST_ROUNDS && rounds <= MOST_ROUNDS
  if (!r.startsWith(nonce) || r === nonce || salt.length === 0 || salt.length > MOST_SALT_BYTES || !isGood)
    throw new Error('SCRAM: the broker answers with what no broker should')
  const hmac = (key: Buffer, text: string): Buffer => createHmac(q.digest, key).update(text).digest()
  const salted = await derive(q.password, salt, rounds, q.bytes, q.digest)
  const clientKey = hmac(salted, 'Client Key')
  const last = `c=biws,r=${r}`
  const all = `${first},${server},${last}`
  const signature = hmac(createHash(q.digest).update(clientKey).digest(), all)
  const proof = Buffer.from(clientKey.map((byte, at) => byte ^ signature[at]!))
  const { v = '' } = fieldsOf(await say(`${last},p=${proof.toString('base64')}`))
  const theirs = Buffer.from(v, 'base64')
  const ours = hmac(hmac(salted, 'Server Key'), all)
  if (theirs.length !== ours.length || !timingSafeEqual(theirs, ours))
    throw new Error('SCRAM: the broker does not know the password')
}

function fieldsOf(text: string): Partial<Record<string, string>> {
  return Object.fromEntries(text.split(',').map((field) => [field[0] ?? '', field.slice(2)]))
}
