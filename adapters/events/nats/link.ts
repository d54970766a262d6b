/**
 * The one connection to NATS. Guarantees that it is tried until it stands, comes back by itself, and only
 * ends with `close`.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import {
  connect,
  credsAuthenticator,
  type NatsConnection,
  type NodeConnectionOptions,
  nkeyAuthenticator,
} from '@nats-io/transport-node'
import type { Finding } from '#platform/health/create-health.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Credentials } from '../credentials.ts'
import type { BrokerSettings } from '../settings.ts'

export type NatsLink = {
  /** The first connection; it stays the same one when it is interrupted. Rejects when the link is closed. */
  first: Promise<NatsConnection>
  finding(): Finding
  /** Calls `act` after each interruption. */
  onReturn(act: () => void): void
  close(): Promise<void>
}

const RETRY_MS = 1000
const CONNECT_MS = 10_000

export function openLink(broker: BrokerSettings, credentials: Credentials, log: Log): NatsLink {
  const ended = new AbortController()
  const listeners: (() => void)[] = []
  let reason: string | undefined = 'no connection to NATS yet'
  let standing: NatsConnection | undefined
  const say = (why: string): void => {
    if (reason !== why) log.warn({ reason: why }, 'no connection to the broker')
    reason = why
  }

  async function first(): Promise<NatsConnection> {
    for (;;) {
      ended.signal.throwIfAborted()
      try {
        standing = await connect(optionsOf(broker, credentials))
        reason = undefined
        log.info({ server: standing.getServer(), version: standing.info?.version }, 'connected to NATS')
        void follow(standing)
        return standing
      } catch (thrown) {
        say(`NATS: ${(thrown as Error).message}`)
        await wait(RETRY_MS, undefined, { signal: ended.signal })
      }
    }
  }

  async function follow(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') say('NATS: the connection is interrupted')
      else if (status.type === 'error') log.warn({ err: status.error }, 'NATS says')
      else if (status.type === 'reconnect') {
        reason = undefined
        log.info({ server: status.server }, 'connected to NATS again')
        for (const act of listeners) act()
      }
    }
    if (!ended.signal.aborted) say('NATS: the connection has ended')
  }

  const connected = first()
  connected.catch(() => undefined)
  return {
    first: connected,
    finding: () => ({ ok: reason === undefined, reason }),
    onReturn: (act) => void listeners.push(act),
    async close() {
      ended.abort()
      await connected.catch(() => undefined)
      // What was said last, such as that messages are given back, has to arrive.
      await (reason === undefined ? standing?.drain() : standing?.close())
    },
  }
}

/**
 * The library does not say which server it speaks to when that is given as an IP address, and Node would then
 * look for `localhost`.
 */
function identityOf({ urls }: BrokerSettings) {
  const hosts = urls.map((url) => new URL(url).hostname.replace(/^\[|\]$/g, ''))
  return (_host: string, peer: PeerCertificate): Error | undefined => {
    const refusals = hosts.map((host) => checkServerIdentity(host, peer))
    return refusals.includes(undefined) ? undefined : refusals[0]
  }
}

function optionsOf(broker: BrokerSettings, { tls, password, token, nkey, jwt }: Credentials) {
  const text = new TextEncoder()
  const { ca, cert, key } = tls as Record<string, string | undefined>
  const options: NodeConnectionOptions = {
    servers: broker.urls.map((url) => new URL(url).host),
    name: broker.name,
    timeout: CONNECT_MS,
    reconnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RETRY_MS,
    // Servers that the settings do not name are not spoken to.
    ignoreClusterUpdates: true,
    // Credentials may be corrected at the server meanwhile.
    ignoreAuthErrorAbort: true,
    ...(broker.urls[0]!.startsWith('tls:') && {
      tls: { ca, cert, key, ...{ minVersion: tls.minVersion, checkServerIdentity: identityOf(broker) } },
    }),
    ...(broker.user !== undefined && { user: broker.user, pass: password ?? '' }),
    ...(token !== undefined && { token }),
    ...(nkey !== undefined && { authenticator: nkeyAuthenticator(text.encode(nkey)) }),
    ...(jwt !== undefined && { authenticator: credsAuthenticator(text.encode(jwt)) }),
  }
  return options
}
