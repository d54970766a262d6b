/**
 * Notices for tests: on a tracker's real log and index by person, with a real mail server and a webhook over
 * TLS.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { createSendMail } from '#platform/mail/client.ts'
import { type FakeMailServer, startMailServer } from '#test/fakes/mail-server.ts'
import { tlsIdentity } from '#test/fakes/xroad-management.ts'
import { SERVER } from '../../message-log/fixture.ts'
import { questionFor } from '../tracker/question-for.ts'
import type { TrackerWorld } from '../tracker/tracker-fixture.ts'
import { noticePaths } from './answer-wishes.ts'
import { type Channel, channelsOf } from './channels.ts'
import { createPostSigned } from './client.ts'
import { collectUses } from './collect-uses.ts'
import { createLetterStore } from './letters-store.ts'
import { openNoticeKey } from './notice-key.ts'
import type { NoticeRooms } from './rooms.ts'
import { sendLetters } from './send-letters.ts'
import { networksOf } from './settings.ts'
import { createUsesStore } from './uses-store.ts'
import { createWishStore } from './wishes-store.ts'
import { writeLetters } from './write-letters.ts'

type Posted = { headers: Record<string, unknown>; body: string }

type NoticesWorld = {
  rooms: NoticeRooms
  mail: FakeMailServer
  /** A webhook; `status` is what it answers. */
  hook: { url: string; posted: Posted[]; status: number }
  /** Lines of the log. */
  lines: string[]
  tracker: { isOn: boolean }
  /** Index, collect, write, send. */
  tell(): Promise<void>
}

const PORTAL = 'https://portal.example'

export async function createNotices(
  t: Test,
  world: TrackerWorld,
  o: { perDay?: number; networks?: string[]; own?: Channel[] } = {},
): Promise<NoticesWorld> {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-notices-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const mail = await startMailServer(t)
  const hook = await startHook(t)
  const { database } = world
  const wishes = createWishStore(database)
  const key = (await openNoticeKey(folder, wishes))!
  const lines: string[] = []
  const line = (...said: unknown[]): void => void lines.push(JSON.stringify(said))
  const state = { isOn: true }
  const rooms: NoticeRooms = {
    ...{ server: SERVER, clock: () => world.now.at, key: () => key },
    log: { info: line, warn: line, error: line } as never,
    settings: { portal: PORTAL, perDay: o.perDay ?? 10, webhooks: true, webhookNetworks: [], channels: [] },
    ...{ wishes, uses: createUsesStore(database), letters: createLetterStore(database) },
    channels: channelsOf({
      sendMail: createSendMail(mail.server),
      postSigned: createPostSigned({
        ...{ networks: networksOf(o.networks ?? ['127.0.0.0/8']), own: [], ca: hook.ca },
      }),
      own: o.own ?? [],
    }),
    personUses: world.rooms.personUses as never,
    tracker: {
      isOn: () => state.isOn,
      filterFor: (subsystem) => questionFor({ client: '', subsystem }, {}, world.rooms),
    },
  }
  world.rooms.notices = () => noticePaths(rooms)
  return {
    ...{ rooms, mail, hook, lines, tracker: state },
    tell: async () => {
      await world.index()
      await collectUses(rooms)
      await writeLetters(rooms)
      for (const channel of rooms.channels) await sendLetters(channel, rooms)
    },
  }
}

async function startHook(t: Test) {
  const { cert, key } = tlsIdentity('localhost')
  const server = createServer({ cert, key }, (request, response) => {
    void text(request).then((body) => {
      hook.posted.push({ headers: request.headers, body })
      response.writeHead(hook.status, { location: 'https://other.example/' }).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const hook = { url: `https://localhost:${port}/me`, posted: [] as Posted[], status: 204, ca: cert }
  return hook
}
