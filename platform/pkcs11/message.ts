/**
 * The messages of p11-kit's remoting protocol as bytes: a call's number, the signature of its arguments as
 * text, the arguments. All numbers are big-endian; a CK_ULONG is 8 octets. The server's answers are
 * untrusted: every length is checked, and no bytes may be left over.
 */
import { ATTRIBUTE, ModuleError } from './constants.ts'

/** Number, arguments and results of the calls that we make. */
const CALLS = {
  C_Initialize: [1, 'ayyay', ''],
  C_Finalize: [2, '', ''],
  C_GetSlotList: [4, 'yfu', 'au'],
  C_GetTokenInfo: [6, 'u', 'ssssuuuuuuuuuuuvvs'],
  C_OpenSession: [10, 'uu', 'u'],
  C_CloseSession: [11, 'u', ''],
  C_GetSessionInfo: [13, 'u', 'uuuu'],
  C_SetPIN: [15, 'uayay', ''],
  C_Login: [18, 'uuay', ''],
  C_Logout: [19, 'u', ''],
  C_DestroyObject: [22, 'uu', ''],
  C_GetAttributeValue: [24, 'uufA', 'aAu'],
  C_FindObjectsInit: [26, 'uaA', ''],
  C_FindObjects: [27, 'ufu', 'au'],
  C_FindObjectsFinal: [28, 'u', ''],
  C_SignInit: [42, 'uMu', ''],
  C_Sign: [43, 'uayfy', 'ay'],
  C_GenerateKeyPair: [59, 'uMaAaA', 'uu'],
} as const

const ERROR_CALL = 0
const ABSENT = 0xffffffff
/** From this version of the protocol on, a mechanism without parameters is encoded as its number alone. */
const BARE_MECHANISMS = 2

export type CallName = keyof typeof CALLS
export type AttributeName = keyof typeof ATTRIBUTE
export type Attribute = readonly [AttributeName, boolean | number | Buffer]
export type Attributes = Partial<Record<AttributeName, boolean | bigint | Buffer>>
export type Mechanism = { type: number; pss?: { hash: number; mgf: number; saltLength: number } | undefined }

/** An answer that violates the protocol: the connection cannot be used any more. */
export class ProtocolError extends Error {
  override name = 'ProtocolError'
}

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
const uint64 = (value: bigint | number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}
const counted = (bytes: Buffer): Buffer => Buffer.concat([uint32(bytes.length), bytes])

/** Encodes arguments; the comments show the letter in the call's signature. */
export const put = {
  /** y */
  byte: (value: number): Buffer => Buffer.of(value),
  /** u */
  ulong: uint64,
  /** ay */
  bytes: (bytes: Buffer): Buffer => Buffer.concat([Buffer.of(1), counted(bytes)]),
  /** fy and fu: the capacity of the result */
  room: uint32,
  /** aA */
  attributes: (list: readonly Attribute[]): Buffer =>
    Buffer.concat([uint32(list.length), ...list.map(attribute)]),
  /** fA */
  attributeRoom: (names: readonly AttributeName[], room: number): Buffer =>
    Buffer.concat([
      uint32(names.length),
      ...names.flatMap((name) => [uint32(ATTRIBUTE[name].type), uint32(sizeOf(name, room))]),
    ]),
  /** M, in the form of the protocol version of both sides */
  mechanism({ type, pss }: Mechanism, version: number): Buffer {
    const bare = version >= BARE_MECHANISMS
    if (pss === undefined) return bare ? uint32(type) : Buffer.concat([uint32(type), uint32(ABSENT)])
    const parameters = [uint64(pss.hash), uint64(pss.mgf), uint64(pss.saltLength)]
    return Buffer.concat([uint32(type), ...(bare ? [Buffer.of(1)] : []), ...parameters])
  },
}

function sizeOf(name: AttributeName, room: number): number {
  const { form } = ATTRIBUTE[name]
  return form === 'boolean' ? 1 : form === 'ulong' ? 8 : room
}

/** Type, whether there is a value, its length in the module's memory, and the value encoded by its type. */
function attribute([name, value]: Attribute): Buffer {
  const { type } = ATTRIBUTE[name]
  const head = Buffer.concat([uint32(type), Buffer.of(1)])
  if (typeof value === 'boolean') return Buffer.concat([head, uint32(1), Buffer.of(value ? 1 : 0)])
  if (typeof value === 'number') return Buffer.concat([head, uint32(8), uint64(value)])
  return Buffer.concat([head, uint32(value.length), counted(value)])
}

/** The message of a call. */
export function writeCall(name: CallName, ...parts: Buffer[]): Buffer {
  const [number, signature] = CALLS[name]
  return Buffer.concat([uint32(number), counted(Buffer.from(signature)), ...parts])
}

export type Answer = {
  byte(): number
  ulong(): bigint
  /** ay; undefined if only a length was sent. */
  bytes(most: number): Buffer | undefined
  /** au */
  ulongs(most: number): bigint[]
  /** s: a text of fixed length, padded with spaces. */
  text(length: number): string
  /** aA: these attributes in this order; those without a value are left out. */
  attributes(names: readonly AttributeName[], room: number): Attributes
  /** Throws if bytes are left. */
  end(): void
}

/**
 * Reads the answer to a call. Throws ModuleError for an error of the module, ProtocolError for anything that
 * is not an answer to it.
 */
export function readAnswer(name: CallName, bytes: Buffer): Answer {
  const [number, , signature] = CALLS[name]
  let at = 0
  const take = (length: number): Buffer => {
    if (length > bytes.length - at) throw new ProtocolError(`${name}: the answer is cut off`)
    at += length
    return bytes.subarray(at - length, at)
  }
  const uint = (): number => take(4).readUInt32BE()
  const ulong = (): bigint => take(8).readBigUInt64BE()
  const byte = (): number => take(1)[0]!
  const end = (): void => {
    if (at !== bytes.length) throw new ProtocolError(`${name}: ${bytes.length - at} octets too many`)
  }
  const sized = (most: number): Buffer => {
    const length = uint()
    if (length > most) throw new ProtocolError(`${name}: ${length} octets where ${most} are the most`)
    return Buffer.from(take(length))
  }

  /** The server encodes an empty byte array as length 0 or as absent. */
  const empty = (): Buffer => {
    if (![0, ABSENT].includes(uint())) throw new ProtocolError(`${name}: an attribute says two lengths`)
    return Buffer.alloc(0)
  }

  const answered = uint()
  const form = sized(64).toString('latin1')
  if (answered === ERROR_CALL && form === 'u') {
    const code = ulong()
    end()
    if (code === 0n || code > 0xffffffffn) throw new ProtocolError(`${name}: an error without a code`)
    throw new ModuleError(name, Number(code))
  }
  if (answered !== number || form !== signature)
    throw new ProtocolError(`${name}: the answer is to another call`)

  const value = (attributeName: AttributeName, length: number, room: number) => {
    const { form } = ATTRIBUTE[attributeName]
    if (form === 'boolean') return byte() === 1
    if (form === 'ulong') return ulong()
    const read = length === 0 ? empty() : sized(room)
    if (read.length !== length) throw new ProtocolError(`${name}: an attribute says two lengths`)
    return read
  }
  return {
    byte,
    ulong,
    bytes(most) {
      if (byte() === 1) return sized(most)
      uint()
      return undefined
    },
    ulongs(most) {
      if (byte() !== 1) throw new ProtocolError(`${name}: a list is missing`)
      const count = uint()
      if (count > most) throw new ProtocolError(`${name}: ${count} entries where ${most} are the most`)
      return Array.from({ length: count }, ulong)
    },
    text(length) {
      const read = sized(length)
      if (read.length !== length) throw new ProtocolError(`${name}: a text is not ${length} octets long`)
      return read.toString('utf8').replace(/[\u0000 ]+$/, '')
    },
    attributes(names, room) {
      if (uint() !== names.length) throw new ProtocolError(`${name}: other attributes than asked for`)
      const found: Attributes = {}
      for (const each of names) {
        if (uint() !== ATTRIBUTE[each].type)
          throw new ProtocolError(`${name}: other attributes than asked for`)
        if (byte() === 0) continue
        const length = uint()
        found[each] = value(each, length, room)
      }
      return found
    },
    end,
  }
}
