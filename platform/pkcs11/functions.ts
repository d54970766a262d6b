/** The functions of PKCS #11 that we use, over one connection, with typed results. */

import type { Call, Connection } from './connection.ts'
import { CLASS, ModuleError, RETURN, SESSION, USER } from './constants.ts'
import {
  type Answer,
  type Attribute,
  type AttributeName,
  type Attributes,
  type CallName,
  type Mechanism,
  ProtocolError,
  put,
} from './message.ts'

export type TokenDescription = {
  label: string
  manufacturer: string
  model: string
  serialNumber: string
  flags: number
}

export type Functions = ReturnType<typeof functionsOf>

const MAX_SLOTS = 256
const MAX_OBJECTS = 1000
const MAX_VALUE = 2048
const MAX_SIGNATURE = 1024
const GENERATE_MS = 120_000

/** The functions on this connection. Each throws ModuleError, ProtocolError or ConnectionLost. */
export function functionsOf(connection: Connection) {
  const { version } = connection

  async function ask<T>(call: Call, read: (answer: Answer) => T): Promise<T> {
    const answer = await connection.send(call)[0]!
    const result = read(answer)
    answer.end()
    return result
  }
  const tell = (name: CallName, ...parts: Buffer[]): Promise<void> => ask({ name, parts }, () => undefined)

  return {
    /** Slots that contain a token. */
    slots: () =>
      ask({ name: 'C_GetSlotList', parts: [put.byte(1), put.room(MAX_SLOTS)] }, (answer) =>
        answer.ulongs(MAX_SLOTS),
      ),
    tokenInfo: (slot: bigint) => ask({ name: 'C_GetTokenInfo', parts: [put.ulong(slot)] }, readTokenInfo),
    openSession: (slot: bigint, { readWrite = false } = {}) => {
      const flags = SESSION.serial | (readWrite ? SESSION.readWrite : 0)
      return ask({ name: 'C_OpenSession', parts: [put.ulong(slot), put.ulong(flags)] }, (answer) =>
        answer.ulong(),
      )
    },
    closeSession: (session: bigint) => tell('C_CloseSession', put.ulong(session)),
    sessionState: (session: bigint) =>
      ask({ name: 'C_GetSessionInfo', parts: [put.ulong(session)] }, (answer) => {
        const [, state] = [answer.ulong(), answer.ulong(), answer.ulong(), answer.ulong()]
        return state!
      }),
    login: (session: bigint, pin: Buffer) =>
      tell('C_Login', put.ulong(session), put.ulong(USER), put.bytes(pin)),
    /** In a session that may write, of a user who is logged in. */
    setPin: (session: bigint, from: Buffer, to: Buffer) =>
      tell('C_SetPIN', put.ulong(session), put.bytes(from), put.bytes(to)),
    logout: (session: bigint) => tell('C_Logout', put.ulong(session)),
    destroy: (session: bigint, object: bigint) =>
      tell('C_DestroyObject', put.ulong(session), put.ulong(object)),

    /** All objects with these attributes. */
    async find(session: bigint, template: readonly Attribute[]): Promise<bigint[]> {
      await tell('C_FindObjectsInit', put.ulong(session), put.attributes(template))
      const found: bigint[] = []
      try {
        for (;;) {
          const room = MAX_OBJECTS - found.length + 1
          const parts = [put.ulong(session), put.room(room)]
          const some = await ask({ name: 'C_FindObjects', parts }, (answer) => answer.ulongs(room))
          if (some.length === 0) break
          found.push(...some)
          if (found.length > MAX_OBJECTS) throw new ProtocolError(`more than ${MAX_OBJECTS} objects`)
        }
      } finally {
        await tell('C_FindObjectsFinal', put.ulong(session))
      }
      return found
    },

    /** The values of these attributes; unknown and sensitive ones are left out. */
    attributes: (session: bigint, object: bigint, names: readonly AttributeName[]): Promise<Attributes> => {
      const parts = [put.ulong(session), put.ulong(object), put.attributeRoom(names, MAX_VALUE)]
      return ask({ name: 'C_GetAttributeValue', parts }, (answer) => {
        const read = answer.attributes(names, MAX_VALUE)
        const code = Number(answer.ulong())
        if (![0, RETURN.attributeSensitive, RETURN.attributeTypeInvalid].includes(code))
          throw new ModuleError('C_GetAttributeValue', code)
        return read
      })
    },

    generate: (
      session: bigint,
      q: { mechanism: Mechanism; publicKey: readonly Attribute[]; privateKey: readonly Attribute[] },
    ): Promise<{ publicKey: bigint; privateKey: bigint }> => {
      const kind: Attribute = ['class', CLASS.publicKey]
      const parts = [
        put.ulong(session),
        put.mechanism(q.mechanism, version),
        put.attributes([kind, ...q.publicKey]),
        put.attributes([['class', CLASS.privateKey], ...q.privateKey]),
      ]
      return ask({ name: 'C_GenerateKeyPair', parts, limitMs: GENERATE_MS }, (answer) => ({
        publicKey: answer.ulong(),
        privateKey: answer.ulong(),
      }))
    },

    /**
     * Signs data in the form that the mechanism requires. Both calls are sent together, so no other call
     * comes between them, and one round trip is saved.
     */
    async sign(session: bigint, key: bigint, mechanism: Mechanism, data: Buffer): Promise<Buffer> {
      const [started, made] = connection.send(
        {
          name: 'C_SignInit',
          parts: [put.ulong(session), put.mechanism(mechanism, version), put.ulong(key)],
        },
        { name: 'C_Sign', parts: [put.ulong(session), put.bytes(data), put.room(MAX_SIGNATURE)] },
      ) as [Promise<Answer>, Promise<Answer>]
      // The signature is valid only if its own SignInit succeeded: otherwise an operation with another key
      // may have been open.
      const [first, second] = await Promise.allSettled([started, made])
      if (first.status === 'rejected') throw first.reason
      first.value.end()
      if (second.status === 'rejected') throw second.reason
      const value = second.value.bytes(MAX_SIGNATURE)
      second.value.end()
      if (value === undefined) throw new ProtocolError('a signature without its octets')
      return value
    },
  }
}

function readTokenInfo(answer: Answer): TokenDescription {
  const info = {
    label: answer.text(32),
    manufacturer: answer.text(32),
    model: answer.text(16),
    serialNumber: answer.text(16),
    flags: Number(answer.ulong() & 0xffffffffn),
  }
  // Skips ten numbers (sessions, PIN lengths, memory), two versions of two octets, and the time.
  for (let i = 0; i < 10; i++) answer.ulong()
  for (let i = 0; i < 4; i++) answer.byte()
  answer.text(16)
  return info
}
