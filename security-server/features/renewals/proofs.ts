/**
 * How a CA is shown that a name is ours: by HTTP at this server, or by a TXT record that a program of the
 * operator sets.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Clock } from '#platform/clock.ts'
import { say } from '#schemas/said.ts'
import { failed } from './acme/client.ts'
import type { Proof } from './acme/order-certificate.ts'
import type { RenewalStore } from './store.ts'

const CHALLENGE_MS = 3600_000
/** Each node reads so often what waits. */
export const KNOWN_AFTER_MS = 1000
const HOOK_MS = 120_000

export function httpProof(
  store: Pick<RenewalStore, 'putChallenge' | 'removeChallenge'>,
  clock: Clock,
): Proof {
  return {
    kind: 'http-01',
    async show({ token, authorization }) {
      const times = {
        now: new Date(clock()).toISOString(),
        endsAt: new Date(clock() + CHALLENGE_MS).toISOString(),
      }
      await store.putChallenge(token, authorization, times)
      // A CA may look at once, at any node.
      await wait(KNOWN_AFTER_MS)
      return () => store.removeChallenge(token)
    },
  }
}

/** What a program said last, as far as it is plain text. */
function lastLine(text: unknown): string {
  const lines = typeof text === 'string' ? text.trim().split('\n') : []
  return (lines.at(-1) ?? '').replaceAll(/[^\x20-\x7e\xa0-\u024f]/g, ' ').slice(0, 200)
}

/**
 * The program is called with `present` or `remove`, the record's name and its value. It ends when the record
 * is served.
 */
export function dnsProof(program: string): Proof {
  const run = async (act: 'present' | 'remove', name: string, value: string): Promise<void> => {
    try {
      await promisify(execFile)(program, [act, `_acme-challenge.${name}`, value], {
        ...{
          timeout: HOOK_MS,
          killSignal: 'SIGKILL',
          maxBuffer: 64 * 1024,
          env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
        },
      })
    } catch (cause) {
      const said = lastLine((cause as { stderr?: unknown }).stderr)
      throw failed(
        said === ''
          ? say`the program acme.dnsHook failed to ${act} the record of ${name}`
          : say`the program acme.dnsHook failed to ${act} the record of ${name}: ${said}`,
        { cause },
      )
    }
  }
  return {
    kind: 'dns-01',
    async show({ name, authorization }) {
      const value = createHash('sha256').update(authorization).digest('base64url')
      // A record that stays proves nothing to anybody: its value belongs to one order of this account.
      const remove = () => run('remove', name, value).catch(() => undefined)
      try {
        await run('present', name, value)
      } catch (thrown) {
        // It may have set the record before it failed or took too long.
        await remove()
        throw thrown
      }
      return remove
    },
  }
}
