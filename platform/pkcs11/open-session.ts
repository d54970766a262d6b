/**
 * Finds one token behind a socket and opens a session with it. A session has its own connection, process of
 * the module, and login.
 */
import { Fault } from '#schemas/fault.ts'
import { openConnection } from './connection.ts'
import { CLASS, ModuleError, RETURN, TOKEN_FLAG, USER_STATES } from './constants.ts'
import { type Functions, functionsOf, type TokenDescription } from './functions.ts'
import type { Mechanism } from './message.ts'

/** How to find a token, and how often to look for it. */
export type TokenPlace = {
  /** The Unix socket of a `p11-kit server`. */
  socket: string
  label: string
  /** Needed if several tokens have this label. */
  serialNumber?: string | undefined
  /** Milliseconds between searches; 5 s by default. */
  lookMs?: number | undefined
}

export type TokenSession = {
  functions: Functions
  /** The description that the token last returned. */
  description: TokenDescription
  /** Manufacturer, model and serial number, which identify the token. */
  identity: string
  ended: Promise<Error>
  login(pin: Buffer): Promise<void>
  logout(): Promise<void>
  /** Updates the description from the token. */
  refresh(): Promise<void>
  /** As `refresh`; also throws if the session or, with `loggedIn`, the login is gone. */
  check(loggedIn: boolean): Promise<void>
  /** `input` must have the form that the mechanism requires. */
  sign(objectId: string, mechanism: Mechanism, input: Buffer): Promise<Buffer>
  forgetHandle(objectId: string): void
  /** Runs `act` in a separate read-only session. */
  withReading<T>(act: (session: bigint) => Promise<T>): Promise<T>
  /** Runs `act` in a separate session that may change objects on the token. */
  withWritable<T>(act: (session: bigint) => Promise<T>): Promise<T>
  close(): void
}

/** Throws `token_unavailable` if the token is not found, and the errors of the connection. */
export async function openTokenSession(place: TokenPlace): Promise<TokenSession> {
  const connection = await openConnection(place.socket)
  try {
    const functions = functionsOf(connection)
    const { slot, description: found } = await findToken(functions, place)
    if ((found.flags & TOKEN_FLAG.protectedAuthenticationPath) !== 0)
      throw new Fault('token_unavailable', { what: 'it takes its PIN at its own keypad only' })
    const session = await functions.openSession(slot)
    const handles = new Map<string, Promise<bigint>>()
    let description = found

    /** Cached from the start of the search: after a new connection many signatures need it at once. */
    function handleOf(objectId: string): Promise<bigint> {
      const known = handles.get(objectId)
      if (known !== undefined) return known
      const handle = findKey(objectId)
      handles.set(objectId, handle)
      handle.catch(() => {
        if (handles.get(objectId) === handle) handles.delete(objectId)
      })
      return handle
    }

    async function findKey(objectId: string): Promise<bigint> {
      const template = [['class', CLASS.privateKey] as const, ['id', Buffer.from(objectId, 'hex')] as const]
      const found = await inSession(false, (own) => functions.find(own, template))
      if (found.length !== 1)
        throw new Fault('token_unavailable', { what: `${found.length} keys on it have the id ${objectId}` })
      return found[0]!
    }

    /** A separate session, since a session can do only one search at a time (PKCS #11 v2.40, 5.7.7). */
    async function inSession<T>(readWrite: boolean, act: (own: bigint) => Promise<T>): Promise<T> {
      const own = await functions.openSession(slot, { readWrite })
      try {
        return await act(own)
      } finally {
        await functions.closeSession(own)
      }
    }

    async function refresh(): Promise<void> {
      description = await functions.tokenInfo(slot)
    }

    return {
      functions,
      get description() {
        return description
      },
      identity: JSON.stringify([found.manufacturer, found.model, found.serialNumber, found.label]),
      ended: connection.ended,
      login: (pin) => functions.login(session, pin),
      async logout() {
        handles.clear()
        await functions.logout(session)
      },
      refresh,
      async check(loggedIn) {
        await refresh()
        const state = await functions.sessionState(session)
        if (loggedIn && !USER_STATES.has(state))
          throw new ModuleError('C_GetSessionInfo', RETURN.userNotLoggedIn)
      },
      async sign(objectId, mechanism, input) {
        return functions.sign(session, await handleOf(objectId), mechanism, input)
      },
      forgetHandle: (objectId) => void handles.delete(objectId),
      withReading: (act) => inSession(false, act),
      withWritable: (act) => inSession(true, act),
      close: connection.close,
    }
  } catch (thrown) {
    connection.close()
    throw thrown
  }
}

async function findToken(
  functions: Functions,
  place: TokenPlace,
): Promise<{ slot: bigint; description: TokenDescription }> {
  const there: { slot: bigint; description: TokenDescription }[] = []
  for (const slot of await functions.slots())
    there.push({ slot, description: await functions.tokenInfo(slot) })
  const fitting = there.filter(
    ({ description: { label, serialNumber } }) =>
      label === place.label && (place.serialNumber === undefined || serialNumber === place.serialNumber),
  )
  if (fitting.length === 1) return fitting[0]!
  const what =
    fitting.length === 0
      ? `${place.socket} has no such token; there: ${there.map(({ description }) => description.label).join(', ') || 'none'}`
      : 'several tokens carry this label: name the serial number'
  throw new Fault('token_unavailable', { what: what.slice(0, 300) })
}
