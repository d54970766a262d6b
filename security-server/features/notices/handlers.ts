/**
 * Notices for those who run the server: how many wishes and messages, what failed; stopping all. Nothing in
 * it is about a person.
 */
import type { Clock } from '#platform/clock.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { kept } from '#schemas/said.ts'
import { wholeNumber } from '#schemas/sent-values.ts'
import type { Channel } from './channels.ts'
import type { LetterStore } from './letters-store.ts'
import { iso } from './rooms.ts'
import type { WishStore } from './wishes-store.ts'

const MOST_FAILURES = 50

type Rooms = {
  wishes: WishStore
  letters: LetterStore
  clock: Clock
  /** Undefined where the settings have no notices. */
  channels?: readonly Channel[]
  isKeyMissing?(): boolean
  openKey?(): Promise<void>
}

export function noticeHandlers({ wishes, letters, clock, channels, ...key }: Rooms): Handlers {
  const stoppedNow = async () => {
    const stopped = await wishes.stopped()
    return stopped === undefined ? undefined : (JSON.parse(stopped) as { by: string; at: string })
  }
  const titled = (channels ?? []).flatMap(({ name, titles }) =>
    titles === undefined ? [] : [[name, titles] as const],
  )
  const view = async () => {
    const counts = new Map(await wishes.counts())
    const stopped = await stoppedNow()
    const failed = await letters.failures(MOST_FAILURES)
    return {
      isOffered: channels !== undefined,
      isKeyMissing: key.isKeyMissing?.() ?? false,
      channels: (channels ?? []).map(({ name }) => name),
      ...(titled.length > 0 && { titles: Object.fromEntries(titled) }),
      isStopped: stopped !== undefined,
      ...(stopped && { stoppedBy: stopped.by, stoppedAt: stopped.at }),
      wishes: {
        asked: counts.get('ASKED') ?? 0,
        confirmed: counts.get('CONFIRMED') ?? 0,
        failed: counts.get('FAILED') ?? 0,
      },
      letters: await letters.counts(),
      failures: failed.map((one) => ({
        ...{ id: one.id, channel: one.channel, state: one.state, attempts: wholeNumber(one.attempts) },
        ...{ createdAt: one.created_at, endedAt: one.ended_at, error: kept(one.last_error) },
      })),
    }
  }
  return {
    getNotices: view,
    stopNotices: async ({ caller }) => {
      if ((await wishes.stopped()) === undefined)
        await wishes.setStopped(JSON.stringify({ by: caller.name, at: iso(clock()) }))
      return view()
    },
    startNotices: async () => {
      await wishes.setStopped(undefined)
      await key.openKey?.()
      return view()
    },
    forgetNotices: async () => {
      await wishes.removeAll()
      await key.openKey?.()
    },
  }
}
