/**
 * What several workers do with one PIN: each tries it once, a lock holds whatever crosses it, and nobody
 * keeps it for longer than needed.
 */
import t from 'tap'
import type { Log } from '#platform/logging/create-log.ts'
import type { Siblings } from '#platform/workers/siblings.ts'
import { Fault } from '#schemas/fault.ts'
import type { Keys } from './keys/keys.ts'
import { unlockTogether } from './unlock-together.ts'

const silent = { error: () => undefined } as unknown as Log

/** Two devices that workers share, and who opens them: calls end when the test says so. */
function machine() {
  const kept = new Map<string, unknown>()
  /** Words on their way, in order of arrival at the supervisor. */
  const words: { from: number; what: string; value: unknown }[] = []
  const channels: { number: number; told: Map<string, unknown>; hear(what: string, value: unknown): void }[] =
    []
  const device = { right: 'right', serialNumber: '1', tries: 0, careful: 0, flagged: false }

  function worker(o: { device?: typeof device } = {}) {
    const number = channels.length + 1
    const open: Record<string, boolean> = { '0': false, '5': false }
    const changes = new Set<() => void>()
    const change = (): void => {
      for (const each of changes) each()
    }
    /** Logins wait there while it is set. */
    const held: { by?: Promise<void> } = {}
    let state: 'away' | 'locked' = 'locked'
    const at = o.device ?? device
    const keys = {
      tokens: () => [
        { id: '0', type: 'SOFTWARE', initialized: true, loggedIn: open['0'] },
        {
          ...{ id: '5', type: 'HARDWARE', initialized: true, loggedIn: open['5'] },
          hardware: { state: open['5'] ? 'open' : state, serialNumber: at.serialNumber },
        },
        { id: '7', type: 'TRANSIT', initialized: true, loggedIn: true },
      ],
      onChange: (listener: () => void) => changes.add(listener),
      async login(pin: string) {
        await held.by
        if (pin !== device.right) throw new Fault('pin_incorrect')
        open['0'] = true
        change()
      },
      logout() {
        open['0'] = false
        change()
      },
      async changePin(_: string, pin: string) {
        device.right = pin
      },
      hardware: {
        async login(_: string, pin: string, { careful = false } = {}) {
          await held.by
          if (open['5']) throw new Fault('conflict')
          if (careful && at.flagged) throw new Fault('token_not_active')
          at.tries += 1
          if (careful) at.careful += 1
          if (pin !== at.right) {
            // As the connection to a token does, before it throws.
            change()
            throw new Fault(at.tries > 1 ? 'pin_locked' : 'pin_incorrect')
          }
          open['5'] = true
          change()
        },
        async logout() {
          open['5'] = false
          change()
        },
        async changePin(_: string, __: string, pin: string) {
          device.right = pin
        },
      },
    } as unknown as Keys
    const listeners = new Map<string, (value: unknown) => void>()
    // As over a channel: each process has copies of its own.
    const told = new Map([...kept].map(([what, value]) => [what, structuredClone(value)]))
    const siblings = {
      number,
      tell: (what: string, value: unknown) =>
        words.push({ from: number, what, value: structuredClone(value) }),
      onTold(what: string, listener: (value: unknown) => void) {
        listeners.set(what, listener)
        if (told.has(what)) listener(told.get(what))
      },
    } as unknown as Siblings
    const hear = (what: string, value: unknown): void => {
      told.set(what, value)
      listeners.get(what)?.(value)
    }
    channels.push({ number, told, hear })
    const go = (next: 'away' | 'locked'): void => {
      state = next
      change()
    }
    const together = unlockTogether(keys, siblings, silent)
    const tried = { yet: false }
    void together.tried.then(() => (tried.yet = true))
    return { keys: together.keys, tried, open, change, held, go, told }
  }

  /** Until nobody has anything more to say or to do. */
  async function settle(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet += 1) {
      for (let word = words.shift(); word !== undefined; word = words.shift()) {
        quiet = 0
        kept.set(word.what, word.value)
        for (const { number, hear } of channels)
          if (number !== word.from) hear(word.what, structuredClone(word.value))
      }
      await new Promise(setImmediate)
    }
  }
  return { worker, settle, kept, device }
}

t.test('each worker tries a PIN once, carefully, on the device that took it', async (t) => {
  const { worker, settle, kept, device } = machine()
  const [first, second] = [worker(), worker()]
  await first.keys.hardware.login('5', 'right')
  await settle()
  t.same([first.open['5'], second.open['5']], [true, true])
  t.same([device.tries, device.careful], [2, 1])
  t.notMatch(JSON.stringify([...second.told]), 'right', 'who has tried it has dropped it')
  t.match(kept.get('pins/5'), { how: 'open', pin: 'right' }, 'for workers that begin later')

  const other = { ...device, serialNumber: '2', tries: 0 }
  const third = worker({ device: other })
  for (const _ of [1, 2]) third.change()
  await settle()
  t.equal(other.tries, 0, 'another device is there')

  device.flagged = true
  const fourth = worker()
  await settle()
  t.equal(device.tries, 2, 'one that reports wrong tries is let alone')
  t.same(
    [second.tried.yet, fourth.tried.yet],
    [true, false],
    'and whoever begins knows that it has not tried',
  )
  device.flagged = false
  fourth.change()
  await settle()
  t.equal(fourth.open['5'], true, 'until it does not')
  t.equal(fourth.tried.yet, true)

  Object.assign(device, { right: 'changed outside', tries: 0 })
  const fifth = worker()
  for (const _ of [1, 2]) fifth.change()
  await settle()
  t.equal(device.tries, 1)
  t.match(kept.get('pins/5'), { how: 'wrong', pin: undefined })
  worker().change()
  await settle()
  t.equal(device.tries, 1, 'nor by who begins later')
  await t.rejects(fifth.keys.hardware.login('5', 'a guess'), { code: 'pin_locked' })
})

t.test('a PIN that finds the device locked is as wrong', async (t) => {
  const { worker, settle, kept, device } = machine()
  await worker().keys.hardware.login('5', 'right')
  await settle()
  device.right = 'changed outside'
  worker()
  await settle()
  t.match(kept.get('pins/5'), { how: 'wrong' })
})

t.test('a lock ends an opening that is under way in another worker', async (t) => {
  const { worker, settle, kept } = machine()
  const [first, second] = [worker(), worker()]
  for (const [id, login, lock] of [
    ['0', () => first.keys.login('right'), () => first.keys.logout()],
    ['5', () => first.keys.hardware.login('5', 'right'), () => first.keys.hardware.logout('5')],
  ] as const) {
    const { promise, resolve } = Promise.withResolvers<void>()
    second.held.by = promise
    await login()
    await settle()
    await lock()
    await settle()
    resolve()
    await settle()
    t.same([first.open[id], second.open[id]], [false, false], id)
    t.match(kept.get(`pins/${id}`), { how: 'locked' })

    const own = login()
    await lock()
    await own
    await settle()
    t.same([first.open[id], second.open[id]], [false, false], 'nor opens it the one that began before')
  }
})

t.test('words that cross are of one token, and the lock holds', async (t) => {
  for (const lockIsFirst of [true, false]) {
    const { worker, settle, kept } = machine()
    const [first, second] = [worker(), worker()]
    await first.keys.login('right')
    await settle()
    const acts = [
      async () => first.keys.logout(),
      () => second.keys.hardware.login('5', 'right'),
      async () => {
        second.keys.logout()
        await second.keys.login('right')
      },
    ]
    for (const act of lockIsFirst ? acts : acts.toReversed()) await act()
    await settle()
    t.equal(first.open['0'], second.open['0'])
    t.equal((kept.get('pins/0') as { how: string }).how === 'open', first.open['0'])
    t.same([first.open['5'], second.open['5']], [true, true])
    t.match(kept.get('pins/5'), { how: 'open', pin: 'right' })
  }

  const { worker, settle, kept } = machine()
  const [first, second] = [worker(), worker()]
  first.keys.logout()
  await second.keys.login('right')
  await settle()
  t.same([first.open['0'], second.open['0']], [false, false], 'who locks wins over who opens')
  t.match(kept.get('pins/0'), { how: 'locked' }, 'although the other word came last')
})

t.test('a new PIN: connections to a device take it, and who is locked stays so', async (t) => {
  const { worker, settle, kept, device } = machine()
  const [first, second] = [worker(), worker()]
  await first.keys.hardware.login('5', 'right')
  await settle()
  await first.keys.hardware.changePin('5', 'right', 'new')
  await settle()
  t.same([first.open['5'], second.open['5']], [true, true])
  t.equal(device.tries, 3, 'the second opened it anew, with the new one')

  await first.keys.changePin('new', 'newer')
  await settle()
  t.same([first.open['0'], second.open['0']], [false, false])
  t.equal(kept.get('pins/0'), undefined)
})

t.test('a device that is away when the PIN comes is opened when it is there', async (t) => {
  const { worker, settle, device } = machine()
  const [first, second] = [worker(), worker()]
  second.go('away')
  await first.keys.hardware.login('5', 'right')
  await settle()
  t.equal(second.open['5'], false)
  t.equal(device.tries, 1)
  second.go('locked')
  await settle()
  t.equal(second.open['5'], true)
})
