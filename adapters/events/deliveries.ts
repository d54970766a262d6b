/**
 * One-way messages at the own security server. Guarantees that a failure which says something of one event is
 * a fault of the catalogue, and that everything else is a reason to wait.
 */
import { readFile } from 'node:fs/promises'
import { connect } from '#adapters/client/connect.ts'
import { ExchangeError } from '#adapters/client/exchange-error.ts'
import type { FetchOptions, InboxEvent } from '#adapters/client/inbox-event.ts'
import { handTo } from '#adapters/kit/messages/hand-to.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { Fault } from '#schemas/fault.ts'
import { isOfOneEvent, isOver } from './refusals.ts'
import type { ServerSettings } from './settings.ts'

/** An event of an inbox, under a lease. */
export type Given = Pick<InboxEvent, 'id' | 'delivery' | 'sender' | 'leaseLeftMs'> & {
  /** The octets that the sender handed over: a structured CloudEvent. */
  event: Buffer
  /** Resolves when the server has signed that the event was consumed. */
  acknowledge(): Promise<void>
  renew(leaseSeconds: number): Promise<void>
  /**
   * Gives it back with what follows it in its lane; resolves with the ids. `untouched`: it was no attempt.
   */
  giveBack(q: { delaySeconds: number; untouched: boolean }): Promise<string[]>
}

export type Deliveries = {
  /**
   * Resolves when the server has the event for good: for an inbox with the id of the delivery, of which there
   * is a signed receipt; for a room with the sequence.
   */
  handOver(target: string, event: Buffer): Promise<string>
  /** `onTrouble` hears of events that nobody can read: they are given back. */
  fetch(
    inbox: string,
    q: { limit: number; leaseSeconds: number } & Pick<FetchOptions, 'onTrouble'>,
  ): Promise<Given[]>
  /** Throws unless the server answers this client. */
  reach(): Promise<void>
  close(): void
}

/** The ways of the adapter repeat by themselves, and see to it that one tries while all wait. */
const ONCE = { retries: 0, deadlineMs: 30_000 }

/** Connects with the first call. Throws `invalid_configuration`. */
export async function openDeliveries(q: ServerSettings): Promise<Deliveries> {
  const { url, client, authorityFile, certificateFile, keyFile } = q
  const pem = async (file: string): Promise<string> =>
    readFile(file, 'utf8').catch((cause: unknown) => {
      throw new Fault('invalid_configuration', { what: `${file} cannot be read`, cause })
    })
  const tls = authorityFile !== undefined && {
    trusted: await pem(authorityFile),
    ...(certificateFile !== undefined && { certificate: await pem(certificateFile) }),
    ...(keyFile !== undefined && { key: await readSecret(keyFile) }),
  }
  const server = openServer({ url, client, ...(tls && { tls }) })
  return {
    handOver: (target, event) => told(() => handTo(server, target, event, ONCE)),
    fetch: (inbox, asked) =>
      told(async () => (await server.inbox(inbox).fetch({ ...asked, ...ONCE })).map(given)),
    // No delivery has this id: that this is said shows that the client may ask.
    reach: () =>
      told(() => server.delivery('none', ONCE)).then(
        () => undefined,
        (thrown: unknown) => {
          if (!isOver(thrown)) throw thrown
        },
      ),
    close: () => server.close(),
  }
}

function openServer(options: Parameters<typeof connect>[0]): ReturnType<typeof connect> {
  try {
    return connect(options)
  } catch (cause) {
    throw new Fault('invalid_configuration', { what: `securityServer: ${(cause as Error).message}`, cause })
  }
}

function given(event: InboxEvent): Given {
  const { id, delivery, sender, bytes } = event
  return {
    ...{ id, delivery, sender, event: Buffer.from(bytes) },
    get leaseLeftMs() {
      return event.leaseLeftMs
    },
    acknowledge: () => told(async () => void (await event.acknowledge(ONCE))),
    renew: (leaseSeconds) => told(() => event.renew(leaseSeconds, ONCE)),
    giveBack: (options) => told(() => event.giveBack({ ...options, ...ONCE })),
  }
}

/** The part of a code behind its last dot is that of the catalogue. */
async function told<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (thrown) {
    const code = thrown instanceof ExchangeError ? thrown.code.split('.').at(-1)! : ''
    if (!isOfOneEvent(code)) throw thrown
    const { message: what, detail } = thrown as ExchangeError
    throw new Fault(code, { what, detail, cause: thrown })
  }
}
