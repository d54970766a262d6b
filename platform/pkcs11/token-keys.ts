/**
 * Keys that are on a token already, made there with its maker's tool or imported: lists them, decides whether
 * they may be used, takes one into use, destroys one. Never reads private keys.
 */
import { Fault } from '#schemas/fault.ts'
import { CLASS } from './constants.ts'
import { type KeyPlace, prove } from './generate.ts'
import type { Attributes } from './message.ts'
import type { TokenSession } from './open-session.ts'
import { type KeyAlgorithm, PUBLIC_ATTRIBUTES, publicKeyFrom } from './public-key.ts'

export type FoundKey = {
  /** CKA_ID in hex. */
  objectId: string
  label: string
  algorithm?: KeyAlgorithm | undefined
  /** Whether, according to the token, the private key was made on it and could never leave it. */
  madeThere: boolean
  /** Why it cannot be adopted; absent if it can. */
  unfit?: string | undefined
}

type Examined = FoundKey & { publicKey?: Buffer | undefined }

const PRIVATE_ATTRIBUTES = [
  ...(['id', 'label', 'sign', 'sensitive', 'extractable', 'neverExtractable'] as const),
  ...PUBLIC_ATTRIBUTES,
] as const
const MAX_ID = 64
const MAX_LABEL = 255
const RSA_KEYS = new Map<unknown, KeyAlgorithm>([
  [2048, 'RSA-2048'],
  [3072, 'RSA-3072'],
])

/** Every private key on the token, usable or not. */
export async function keysOnToken(at: TokenSession): Promise<FoundKey[]> {
  return (await examine(at)).map(({ publicKey, ...key }) => key)
}

/**
 * The key with this id, proved by a signature. Throws `key_not_found`, or `conflict` with the reason for a
 * key that may not be used: the token would export it, or its public half does not describe it.
 */
export async function adoptFromToken(at: TokenSession, objectId: string): Promise<KeyPlace> {
  const found = (await examine(at)).find((key) => key.objectId === objectId)
  if (found === undefined) throw new Fault('key_not_found', { what: objectId.slice(0, 2 * MAX_ID) })
  const { unfit, publicKey } = found
  if (unfit !== undefined || publicKey === undefined) throw new Fault('conflict', { what: unfit })
  await prove(at, objectId, publicKey)
  return { objectId, publicKey }
}

/** Destroys both halves; does nothing if they do not exist. */
export function destroyOnToken(at: TokenSession, objectId: string): Promise<void> {
  return at.withWritable(async (writable) => {
    const id = Buffer.from(objectId, 'hex')
    for (const kind of [CLASS.privateKey, CLASS.publicKey]) {
      const template = [['class', kind] as const, ['id', id] as const]
      for (const object of await at.functions.find(writable, template))
        await at.functions.destroy(writable, object)
    }
    at.forgetHandle(objectId)
  })
}

async function examine(at: TokenSession): Promise<Examined[]> {
  const { functions } = at
  return at.withReading(async (session) => {
    const found: Examined[] = []
    for (const object of await functions.find(session, [['class', CLASS.privateKey]])) {
      const own = await functions.attributes(session, object, PRIVATE_ATTRIBUTES)
      const id = Buffer.isBuffer(own.id) ? own.id : Buffer.alloc(0)
      const halves =
        id.length === 0
          ? []
          : await functions.find(session, [
              ['class', CLASS.publicKey],
              ['id', id],
            ])
      // An RSA private key may contain its public half.
      const half =
        halves.length === 1 ? await functions.attributes(session, halves[0]!, PUBLIC_ATTRIBUTES) : own
      found.push(judge(id, own, half))
    }
    for (const key of found) {
      if (found.filter(({ objectId }) => objectId === key.objectId).length > 1)
        key.unfit = 'several keys on the token have its id'
    }
    return found
  })
}

function judge(id: Buffer, own: Attributes, half: Attributes): Examined {
  const key: Examined = {
    objectId: id.toString('hex'),
    label: Buffer.isBuffer(own.label) ? own.label.toString().slice(0, MAX_LABEL) : '',
    madeThere: own.neverExtractable === true,
  }
  const unfit = (why: string): Examined => ({ ...key, unfit: why })
  if (id.length === 0 || id.length > MAX_ID) return unfit('it has no id by which it could be found again')
  if (own.sign !== true) return unfit('it is not for signing')
  if (own.sensitive !== true || own.extractable !== false)
    return unfit('the token would give the private key away')
  try {
    const publicKey = publicKeyFrom(half)
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = publicKey
    key.algorithm = type === 'ec' ? 'P-256' : RSA_KEYS.get(details?.modulusLength)
    if (key.algorithm === undefined) return unfit('it is neither P-256 nor RSA of 2048 or 3072 bits')
    return { ...key, publicKey: publicKey.export({ format: 'der', type: 'spki' }) }
  } catch {
    return unfit('its public half is not on the token, or neither P-256 nor RSA')
  }
}
