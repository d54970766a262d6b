/**
 * The file that unlocks a token: a random token key, encrypted under the key that scrypt derives from the
 * PIN. All private keys are sealed under the token key. So a new PIN rewrites only this file, and no crash
 * can leave keys under two PINs.
 */
import { randomBytes, scrypt } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { asSealed, type Sealed, seal, unseal } from './seal.ts'

type Kdf = { name: 'scrypt'; N: number; r: number; p: number; salt: string }

/** `pinSetAt`: ms; absent in files of before it was kept. */
export type TokenFile = { version: 1; kdf: Kdf; wrapped: Sealed; pinSetAt?: number | undefined }

const CONTEXT = 'concordat token key'
// 32 MiB for about a quarter of a second; OWASP's recommendation for scrypt with N = 2^15.
const COST = { N: 2 ** 15, r: 8, p: 3 }
const MAX_COST = { N: 2 ** 20, r: 32, p: 16 }

/**
 * Encrypts `tokenKey` (by default a new one) under a PIN, with the scrypt costs of servers unless a test
 * gives others. Who calls it has checked the PIN (pin-policy.ts).
 */
export async function makeTokenFile(
  pin: string,
  tokenKey: Buffer = randomBytes(32),
  cost: typeof COST = COST,
): Promise<{ file: TokenFile; tokenKey: Buffer }> {
  const kdf: Kdf = { name: 'scrypt', ...cost, salt: randomBytes(16).toString('base64') }
  const wrapping = await derive(pin, kdf)
  const file: TokenFile = { version: 1, kdf, wrapped: seal(wrapping, CONTEXT, tokenKey) }
  wrapping.fill(0)
  return { file, tokenKey }
}

/** The token key; throws `pin_incorrect` for a wrong PIN. */
export async function openTokenFile(file: TokenFile, pin: string): Promise<Buffer> {
  if (pin.length > 128) throw new Fault('pin_incorrect')
  const wrapping = await derive(pin, file.kdf)
  const tokenKey = unseal(wrapping, CONTEXT, file.wrapped)
  wrapping.fill(0)
  if (tokenKey === undefined) throw new Fault('pin_incorrect')
  return tokenKey
}

/**
 * Checks a token file read from disk. Its scrypt costs are bounded, so that a forged file cannot exhaust
 * memory. Throws `io_error`.
 */
export function readTokenFile(text: string, name: string): TokenFile {
  const value = parseJson(text, name) as {
    version?: unknown
    kdf?: Partial<Kdf>
    wrapped?: unknown
    pinSetAt?: unknown
  }
  const kdf = value.kdf
  const cost = (which: 'N' | 'r' | 'p') => {
    const number = kdf?.[which]
    return Number.isInteger(number) && number! > 0 && number! <= MAX_COST[which]
  }
  if (
    value.version !== 1 ||
    kdf?.name !== 'scrypt' ||
    typeof kdf.salt !== 'string' ||
    !['N', 'r', 'p'].every((which) => cost(which as 'N'))
  ) {
    throw new Fault('io_error', { what: say`${name} is not a token file` })
  }
  const { pinSetAt } = value
  if (pinSetAt !== undefined && !Number.isSafeInteger(pinSetAt))
    throw new Fault('io_error', { what: say`${name} is not a token file` })
  return {
    ...{ version: 1, kdf: kdf as Kdf, wrapped: asSealed(value.wrapped, name) },
    ...(pinSetAt !== undefined && { pinSetAt: pinSetAt as number }),
  }
}

/** Parses one of our own files as a JSON object; throws `io_error` with the file's name. */
export function parseJson(text: string, name: string): object {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // The error is dropped: it may quote ciphertext from the file.
  }
  throw new Fault('io_error', { what: `${name} is damaged` })
}

function derive(pin: string, kdf: Kdf): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { N: kdf.N, r: kdf.r, p: kdf.p, maxmem: 256 * kdf.N * kdf.r }
    scrypt(pin.normalize('NFC'), Buffer.from(kdf.salt, 'base64'), 32, options, (error, key) =>
      error === null ? resolve(key) : reject(new Fault('internal_error', { cause: error })),
    )
  })
}
