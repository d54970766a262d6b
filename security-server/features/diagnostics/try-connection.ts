/**
 * One connection from this server, step by step: the name, the address, TLS, and what is asked at last. Sends
 * no message.
 */
import { type LookupAddress, lookup as resolve } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { connect, isIP, type LookupFunction } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { asFault, toldBy } from '#schemas/fault.ts'
import { Said, say, type Word } from '#schemas/said.ts'

type ConnectionStep = {
  step: 'name' | 'connection' | 'tls' | 'answer'
  state: 'good' | 'bad'
  what: Word
  remedy?: Word | undefined
}

export type Target = {
  name: string
  /** Undefined when nothing names an address. */
  address: { host: string; port: number } | undefined
  /** Why nothing may be opened to this address of the host; where it is absent, any may. */
  refuse?: ((address: string, port: number) => Said | undefined) | undefined
  /** A TLS handshake as such; `pinned` is the only certificate (DER) that may be presented. */
  tls?: { pinned?: Buffer | undefined } | undefined
  /** The last step: what the connection is for. */
  answer?: { what: Word; act(): Promise<unknown> } | undefined
}

const WAIT_MS = 5000

/** Stops at the first step that fails. Never throws. */
export async function tryConnection({ address, refuse, tls, answer }: Target): Promise<ConnectionStep[]> {
  const steps: ConnectionStep[] = []
  const step = async (
    name: ConnectionStep['step'],
    remedy: Word,
    act: () => Promise<Word>,
  ): Promise<boolean> => {
    try {
      steps.push({ step: name, state: 'good', what: await act() })
      return true
    } catch (thrown) {
      steps.push({ step: name, state: 'bad', what: reasonOf(thrown), remedy })
      return false
    }
  }
  if (address === undefined) {
    const remedy = say`Ask the operator of the registry: the global configuration names none`
    return [{ step: 'name', state: 'bad', what: say`no address is known`, remedy }]
  }
  const { host, port } = address
  const isNamed = await step(
    'name',
    say`Check that ${host} stands in DNS, and the resolver of this machine`,
    () => addressOf(address, refuse),
  )
  if (!isNamed) return steps
  const firewall = say`Check that something listens at ${host}, port ${port}, and the firewalls between`
  const place = { host, port, ...(refuse !== undefined && { lookup: checked(refuse, port) }) }
  const isConnected = await step('connection', firewall, async () => {
    await opened((done, failed) => {
      const socket = connect(place, done)
      socket.once('error', failed)
      return () => void socket.destroy()
    })
    return say`${host}, port ${port}, accepts connections`
  })
  if (!isConnected) return steps
  if (
    tls !== undefined &&
    !(await step('tls', say`Ask its operator which certificate it presents`, () => handshake(place, tls)))
  )
    return steps
  if (answer !== undefined) await asked(answer, steps)
  return steps
}

async function asked({ what, act }: NonNullable<Target['answer']>, steps: ConnectionStep[]): Promise<void> {
  try {
    await act()
    steps.push({ step: 'answer', state: 'good', what })
  } catch (thrown) {
    const { text, remedy } = toldBy(asFault(thrown))
    steps.push({ step: 'answer', state: 'bad', what: text, remedy })
  }
}

type Place = NonNullable<Target['address']>
type Refuse = NonNullable<Target['refuse']>

async function addressOf({ host, port }: Place, refuse: Target['refuse']): Promise<Word> {
  const all = isIP(host) === 0 ? await lookup(host, { all: true }) : [{ address: host }]
  for (const { address } of all) throwRefused(refuse?.(address, port))
  return isIP(host) === 0 ? say`${host} means ${all[0]!.address}` : say`${host} is an address`
}

/** The name may mean another address at the next look-up: what is connected to is judged, too. */
function checked(refuse: Refuse, port: number): LookupFunction {
  return (host, options, callback) =>
    resolve(host, { ...options, all: true }, (cause, all: LookupAddress[]) => {
      const [first] = all ?? []
      const why = all?.map(({ address }) => refuse(address, port)).find((one) => one !== undefined)
      if (cause !== null || first === undefined || why !== undefined)
        return callback(cause ?? refusal(why ?? say`the name has no address`), '')
      if (options.all === true) callback(null, all)
      else callback(null, first.address, first.family)
    })
}

function throwRefused(why: Said | undefined): void {
  if (why !== undefined) throw refusal(why)
}

/** An error of this file's own: its cause is what is shown. */
function refusal(why: Said): Error {
  return new Error(String(why), { cause: why })
}

async function handshake(
  place: Place & { lookup?: LookupFunction },
  { pinned }: NonNullable<Target['tls']>,
): Promise<Word> {
  let said: Word = ''
  await opened((done, failed) => {
    // Who it is is judged below or by the last step: this step shows what is presented, valid or not.
    // Many present a certificate, or any, only to who says whom it looks for.
    const named = isIP(place.host) === 0 ? { servername: place.host } : {}
    const socket = connectTls({ ...place, ...named, rejectUnauthorized: false }, () => {
      const { raw, subject, valid_to: until } = socket.getPeerCertificate()
      if (pinned !== undefined && !pinned.equals(raw))
        return failed(refusal(say`another certificate is presented than the global configuration names`))
      if (Date.parse(until) < Date.now()) return failed(refusal(say`its certificate expired at ${until}`))
      const name = subject?.CN
      said =
        name === undefined
          ? say`TLS works; the certificate names nobody`
          : say`TLS works; the certificate is of ${String(name)}`
      done()
    })
    socket.once('error', failed)
    return () => void socket.destroy()
  })
  return said
}

/** Waits for one of both, for as long as a person would, and closes the connection. */
async function opened(open: (done: () => void, failed: (cause: Error) => void) => () => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const close = open(resolve, reject)
  const timer = setTimeout(() => reject(refusal(say`nothing within ${WAIT_MS / 1000} s`)), WAIT_MS)
  try {
    await promise
  } finally {
    clearTimeout(timer)
    close()
  }
}

function reasonOf(thrown: unknown): Word {
  const { code, message, cause } = thrown as NodeJS.ErrnoException
  if (cause instanceof Said) return cause
  const words: Record<string, Said> = {
    ENOTFOUND: say`the name is not known`,
    EAI_AGAIN: say`the resolver of this machine does not answer`,
    ECONNREFUSED: say`the connection is refused: nothing listens there`,
    EHOSTUNREACH: say`there is no way to this address`,
    ENETUNREACH: say`there is no way to this network`,
    ETIMEDOUT: say`nothing answers`,
    ECONNRESET: say`the other side closed the connection`,
  }
  return words[code ?? ''] ?? message
}
