/**
 * What no schema can say about the settings: that they fit the kind of broker and each other, and that
 * nothing leaves unencrypted.
 */
import { checkTarget } from '#adapters/kit/messages/hand-to.ts'
import { checkMonitoring } from '#adapters/kit/settings.ts'
import { isAttributeName } from '#core/events/check-event.ts'
import type { Problem } from '#platform/configuration/read-configuration.ts'
import { isLoopback, isSafe } from '#platform/sessions/settings.ts'
import type { BrokerSettings, EventsSettings, SendSettings } from './settings.ts'

type Kind = BrokerSettings['kind']

const SCHEMES: Record<Kind, { plain: string; secure: string }> = {
  nats: { plain: 'nats:', secure: 'tls:' },
  mqtt: { plain: 'mqtt:', secure: 'mqtts:' },
  kafka: { plain: 'kafka:', secure: 'kafkas:' },
}
const ONLY_NATS = ['tokenFile', 'nkeyFile', 'credentialsFile'] as const
/** One way to prove who the adapter is, beside its certificate. */
const PROOFS = ['user', ...ONLY_NATS] as const
const KAFKA_TOPIC = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/
const NEEDED = ['type', 'source', 'id'] as const

/** Throws what `problem` makes. */
export function checkSettings(settings: EventsSettings, problem: Problem): void {
  const { securityServer, broker, send, receive } = settings
  checkMonitoring(settings.monitoring, problem)
  if (!isSafe(securityServer.url))
    throw problem(['securityServer', 'url'], 'must be https, or http to a loopback address')
  if (securityServer.url.startsWith('https:') && securityServer.authorityFile === undefined)
    throw problem(['securityServer', 'authorityFile'], 'is needed for https')
  checkBroker(broker, problem)
  if (send.length + receive.length === 0) throw problem([], 'has neither send nor receive')
  const names = new Set<string>()
  for (const [list, ways] of [
    ['send', send],
    ['receive', receive],
  ] as const)
    for (const [at, { name }] of ways.entries()) {
      if (names.has(name)) throw problem([list, String(at), 'name'], 'is that of another one')
      names.add(name)
    }
  for (const [at, way] of send.entries())
    checkSend(way, settings, (keys, what) => problem(['send', String(at), ...keys], what))
  for (const [at, { to }] of receive.entries())
    checkPlace(to, broker.kind, (keys, what) => problem(['receive', String(at), 'to', ...keys], what))
}

function checkBroker(broker: BrokerSettings, problem: Problem): void {
  const fail = (name: string, what: string) => problem(['broker', name], what)
  const { plain, secure } = SCHEMES[broker.kind]
  for (const { protocol, hostname } of broker.urls.map((url) => new URL(url))) {
    if (protocol !== plain && protocol !== secure)
      throw fail('urls', `must begin with ${secure}// or ${plain}//`)
    if (protocol === secure) continue
    if (!isLoopback(hostname)) throw fail('urls', `must begin with ${secure}//, or be on a loopback address`)
    for (const name of ['authorityFile', 'certificateFile'] as const)
      if (broker[name] !== undefined) throw fail(name, `is for ${secure}//`)
  }
  if (broker.kind !== 'nats')
    for (const name of ONLY_NATS) if (broker[name] !== undefined) throw fail(name, 'is for NATS')
  if (broker.kind === 'mqtt' && broker.urls.length > 1)
    throw fail('urls', 'has more than one broker, and a session of MQTT is at one')
  if (broker.kind === 'kafka' && broker.user !== undefined && broker.passwordFile === undefined)
    throw fail('passwordFile', 'is needed for a user of Kafka')
  const proofs = PROOFS.filter((name) => broker[name] !== undefined)
  if (proofs.length > 1) throw fail(proofs[1]!, `and ${proofs[0]} exclude each other`)
}

function checkSend(way: SendSettings, { broker, securityServer }: EventsSettings, fail: Problem): void {
  const { kind } = broker
  checkTarget(way, securityServer.client, fail)
  const { format, attributes, contentType, quarantine } = way
  if (kind === 'nats' && way.stream === undefined) throw fail(['stream'], 'is needed for NATS')
  if (kind !== 'nats' && way.stream !== undefined) throw fail(['stream'], 'is for NATS')
  if (kind === 'mqtt' && way.consumer !== undefined) throw fail(['consumer'], 'is for NATS and Kafka')
  if (kind === 'kafka') checkPlace(way.from, kind, (keys, what) => fail(['from', ...keys], what))
  if ((quarantine.folder === undefined) === (quarantine.to === undefined))
    throw fail(['quarantine'], 'needs folder or to, and not both')
  if (quarantine.to !== undefined)
    checkPlace(quarantine.to, kind, (keys, what) => fail(['quarantine', 'to', ...keys], what))
  if (format === 'cloudevents') {
    if (attributes !== undefined) throw fail(['attributes'], 'is for format: plain')
    if (contentType !== undefined) throw fail(['contentType'], 'is for format: plain')
    return
  }
  for (const name of NEEDED)
    if (attributes?.[name] === undefined) throw fail(['attributes', name], 'is needed for format: plain')
  for (const [name, { of, text }] of Object.entries(attributes ?? {})) {
    const isOwn = ['specversion', 'datacontenttype'].includes(name)
    if (isOwn || !isAttributeName(name)) throw fail(['attributes', name], 'cannot be set')
    if (of === 'position' && kind === 'mqtt')
      throw fail(['attributes', name], 'is of a position, and MQTT has none')
    if (of === 'key' && kind !== 'kafka')
      throw fail(['attributes', name], 'is of a key, which only Kafka has')
    if (name === 'id' && text !== undefined)
      throw fail(['attributes', name], 'is a text: every message would be the same event')
  }
}

/** Where something is published. */
function checkPlace(place: string, kind: Kind, fail: Problem): void {
  if (kind === 'kafka' && !KAFKA_TOPIC.test(place)) throw fail([], 'is no name of a topic')
  if (kind !== 'kafka' && hasWildcard(place, kind)) throw fail([], 'has wildcards')
}

function hasWildcard(subject: string, kind: Kind): boolean {
  return kind === 'nats'
    ? subject.split('.').some((token) => ['*', '>', ''].includes(token))
    : /[+#]/.test(subject)
}
