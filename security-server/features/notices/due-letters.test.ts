/** What is due: looked at in time, all of it in one run, and not sent when it was stopped or ended meanwhile. */
import t from 'tap'
import { SUBSYSTEM } from '../tracker/tracker-fixture.ts'
import { lookAgain } from './rules.ts'
import { sendLetters } from './send-letters.ts'
import { writeLetters } from './write-letters.ts'

const DAY = 86_400_000

void t.test(
  'what waits is looked at when it may be told, within the hour; a run looks at all that is due',
  async (t) => {
    const at = Date.parse('2026-11-30T23:30:00Z')
    t.equal(lookAgain(at - DAY, undefined), '2026-11-30T00:30:00.000Z')
    t.equal(lookAgain(at, undefined), '2026-12-01T00:00:00.000Z', 'the month ends')
    t.equal(lookAgain(at, '2026-11-30T23:40:00.000Z'), '2026-11-30T23:40:00.000Z', 'an exception ends')
    const pages = [Array.from({ length: 100 }, (_, id) => ({ id })), [{ id: 100 }, { id: 7 }], [{ id: 100 }]]
    const looked: unknown[] = []
    await writeLetters({
      ...{ clock: () => at, tracker: { isOn: () => false }, wishes: { stopped: async () => undefined } },
      uses: { due: async () => pages.shift() ?? [], lookLater: async (id: unknown) => void looked.push(id) },
    } as never)
    t.equal(looked.length, 101)
  },
)

void t.test('what was stopped or ended while others were sent is not sent', async (t) => {
  const sent: string[] = []
  const world = { stopped: undefined as string | undefined, ended: 'L-5' }
  const letter = (id: string) => ({
    id,
    kind: 'uses',
    fields: '{}',
    address: 'A',
    subsystem: SUBSYSTEM,
    sealed: '',
  })
  const rooms = {
    ...{ clock: Date.now, settings: { portal: 'https://portal.example' }, log: { warn: () => undefined } },
    key: () => ({ open: () => 'x', stopToken: () => 'x', webhookSecret: () => 'x' }),
    wishes: { stopped: async () => world.stopped },
    letters: {
      due: async () => Array.from({ length: 12 }, (_, i) => letter(`L-${i}`)),
      isWaiting: async (id: string) => id !== world.ended,
      end: async () => undefined,
    },
  }
  const send = async ({ id }: { id: string }) => {
    sent.push(id)
    if (sent.length === 6) world.stopped = 'everything'
    return 'sent'
  }
  await sendLetters({ name: 'email', send } as never, rooms as never)
  t.notOk(sent.includes('L-5'), 'its wish was ended')
  t.ok(sent.length >= 6 && sent.length < 10, `${sent.length}: the rest waits`)
})
