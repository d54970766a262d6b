/**
 * The clock against a source of time: a server of NTP (RFC 4330), or else the Date of an HTTP answer, which
 * is good to a second.
 */
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { Agent, request } from 'undici'
import { type Finding, notLooked, toDo, well, whyOf } from './finding.ts'

/** Peers refuse a signing time that differs by five minutes; health warns from ten seconds on. */
const WARNS_MS = 10_000
const TIMEOUT_MS = 5000
const NTP_PORT = 123
const PACKET = 48
/** Seconds from 1900, where NTP begins, to 1970. */
const FROM_1900 = 2_208_988_800
/** Client, version 4. */
const QUESTION = 0x23

/**
 * `source`: a host of NTP, with `:port` if it is another than 123; `url`: where an HTTP answer can be had.
 */
export async function lookAtClock(q: {
  source?: string | undefined
  url?: string | undefined
}): Promise<Finding> {
  if (q.source !== undefined) return judged(q.source, () => askNtp(q.source!))
  if (q.url !== undefined) return judged(new URL(q.url).host, () => askHttp(q.url!))
  return notLooked('clock', 'no source of time is known: name one, --time-source HOST')
}

async function judged(from: string, ask: () => Promise<number>): Promise<Finding> {
  let errorMs: number
  try {
    errorMs = await ask()
  } catch (thrown) {
    return toDo(
      'clock',
      `${from} told no time (${whyOf(thrown)})`,
      'name a source that can be reached: --time-source HOST',
    )
  }
  const found = `${(Math.abs(errorMs) / 1000).toFixed(1)} s ${errorMs < 0 ? 'behind' : 'ahead of'} ${from}`
  return Math.abs(errorMs) < WARNS_MS
    ? well('clock', found)
    : toDo(
        'clock',
        found,
        'synchronise the clock (chrony, systemd-timesyncd): peers refuse messages when it is off by 5 minutes',
      )
}

/** `host`, `host:port`, an IPv6 address, or one in brackets with a port. */
export function ntpAddress(source: string): {
  host: string
  port: number
  family: 'udp4' | 'udp6'
} {
  if (isIPv6(source)) return { host: source, port: NTP_PORT, family: 'udp6' }
  const [name = '', port = String(NTP_PORT)] = source.split(/:(?=\d+$)/)
  const host = name.replace(/^\[(.*)\]$/, '$1')
  return { host, port: Number(port), family: isIPv6(host) ? 'udp6' : 'udp4' }
}

/** By how many milliseconds our clock is ahead. */
function askNtp(source: string): Promise<number> {
  const { host, port, family } = ntpAddress(source)
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const socket = createSocket(family)
  const timer = setTimeout(() => reject(new Error('no answer')), TIMEOUT_MS)
  const sent = Date.now()
  /** Any number, by which an answer is known (RFC 9109). */
  const stamp = randomBytes(8)
  socket.on('error', reject)
  socket.on('message', (answer) => {
    if (answer.length < PACKET || answer.readUInt32BE(40) === 0) return
    // From a server (mode 4), that is synchronised itself (leap indicator, stratum), to our question (its
    // time is given back).
    const [mode, leap, stratum] = [answer[0]! & 7, answer[0]! >> 6, answer[1]!]
    if (mode !== 4 || !answer.subarray(24, 32).equals(stamp)) return
    if (leap === 3 || stratum === 0 || stratum > 15)
      return reject(new Error('its own clock is not synchronised'))
    const theirs = (secondsIn(answer) - FROM_1900 + answer.readUInt32BE(44) / 2 ** 32) * 1000
    // Half of the way is taken for the way back.
    resolve((sent + Date.now()) / 2 - theirs)
  })
  const packet = Buffer.alloc(PACKET)
  packet[0] = QUESTION
  packet.set(stamp, 40)
  socket.send(packet, port, host, (error) => {
    if (error) reject(error)
  })
  return promise.finally(() => {
    clearTimeout(timer)
    socket.close()
  })
}

/**
 * Since 1900. A first bit that is not set means the time after February 2036, when the 32 bits begin anew
 * (RFC 4330, 3).
 */
function secondsIn(answer: Buffer): number {
  const seconds = answer.readUInt32BE(40)
  return seconds < 2 ** 31 ? seconds + 2 ** 32 : seconds
}

async function askHttp(url: string): Promise<number> {
  // Anybody's certificate will do: nothing but the time is believed, and only to warn.
  const dispatcher = new Agent({
    connect: { timeout: TIMEOUT_MS, rejectUnauthorized: false },
    headersTimeout: TIMEOUT_MS,
  })
  try {
    const sent = Date.now()
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const { headers, body } = await request(url, { dispatcher, method: 'GET', signal })
    const arrived = Date.now()
    // The time is there; a body that does not end is of no use.
    await body.dump().catch(() => undefined)
    const theirs = Date.parse(String(headers['date']))
    if (Number.isNaN(theirs)) throw new Error('no Date')
    return (sent + arrived) / 2 - (theirs + 500)
  } finally {
    await dispatcher.destroy()
  }
}
