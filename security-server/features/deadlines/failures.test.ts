/** What cannot be looked at, written or sent keeps nothing else from being told. */
import t from 'tap'
import { certificateEnds } from './certificate-ends.ts'
import { at, certificate, contract, createDeadlines } from './deadlines-fixture.ts'
import { deadlineHandlers } from './handlers.ts'
import { lookForDeadlines } from './look.ts'
import type { LetterRooms } from './rooms.ts'
import { sendLetters } from './send-letters.ts'

void t.test('one thing that fails keeps no letter of another back, and the job says it', async (t) => {
  const { world, mail, node, tell } = await createDeadlines(t)
  const whole = node('a')
  world.contracts = [contract('C-1', 1, 30)]
  mail.isDown = true
  t.same(await tell(whole), [])
  mail.isDown = false
  world.now += 3_600_000
  world.certificates = [
    certificate('bad', { from: -300, to: 14 }),
    certificate('good', { from: -300, to: 14 }),
  ]
  world.pins = [1, 2].map((n) => ({
    id: `${n}`,
    name: `token-${n}`,
    pin: { setAt: at(-80), endsAt: at(10) },
  }))
  const broken: LetterRooms = {
    ...whole,
    renewalOf: async (sha256) => {
      if (sha256 === 'bad') throw new Error('the row of its renewal is damaged')
      return undefined
    },
    contracts: {
      view() {
        throw new Error('the list of contracts is damaged')
      },
    },
    store: {
      ...whole.store,
      write: async (thing, q) => {
        if (thing.name === 'token-1') throw new Error('no row can be written')
        return whole.store.write(thing, q)
      },
      end: async (id, state, q) => {
        if (mail.received.length === 1 && state === 'SENT') throw new Error('the row is locked')
        return whole.store.end(id, state, q)
      },
      tried: async () => {
        throw new Error('the row is locked')
      },
    },
  }
  await t.rejects(lookForDeadlines(broken), {
    message:
      /^3 failed: AUTHENTICATION bad: the row of its renewal is damaged; CONTRACT: .*; PIN PIN a 1 \S+ \S+: no row/,
  })
  await t.rejects(sendLetters(broken), { message: /^1 failed: letter \S+: the row is locked$/ })
  const subjects = (): string => mail.received.map(({ raw }) => raw.replace(/=?\r\n ?/g, '')).join()
  for (const one of ['CN=good', 'token-2', 'Title of C-1'])
    t.match(subjects(), one, 'what waited of a contract is no less wanted')
  t.match(subjects(), 'CN=bad', 'its end is known, whatever becomes of its renewal')
  t.notMatch(subjects(), 'token-1')
  const seen = await deadlineHandlers(broken)['getDeadlines']!({} as never)
  t.match(JSON.stringify(seen), /token-1.*CN=bad.*CN=good/)
  t.match(seen, { failed: ['SIGNING', 'AUTHENTICATION', 'CONTRACT'] })
  t.match(await deadlineHandlers(whole)['getDeadlines']!({} as never), { failed: [] })
  t.same(
    (await certificateEnds(broken)).filter(({ of }) => of === 'authentication').length,
    2,
    'both are in the metrics',
  )
  t.match((await tell(whole)).join(), 'token-1', 'the next try has the rest')
  t.same(await tell(whole), [])
})

void t.test('a clock that was ahead and is put right holds no letter back', async (t) => {
  const { world, mail, node, tell } = await createDeadlines(t)
  const [one, { store }] = [node('a'), node('b')]
  world.contracts = [contract('C-1', 1, 30)]
  world.certificates = [certificate('claimed', { from: -300, to: 30 })]
  mail.isDown = true
  const right = world.now
  world.now += 2 * 86_400_000
  await tell(one)
  const claimed = (await store.waiting()).find(({ kind }) => kind === 'AUTHENTICATION')!
  // Its node ended while it sent.
  const [row] = (await store.list(10)).filter(({ id }) => id === claimed.id)
  await store.claim(row!, world.now)
  world.now = right
  mail.isDown = false
  t.ok(await store.isDue(world.now))
  t.equal((await tell(one)).length, 2)
})
