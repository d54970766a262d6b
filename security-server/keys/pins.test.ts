/** PINs of the software token: the policy, their age, and wrong ones. */
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import type { FaultCode } from '#schemas/fault.ts'
import { openHardwareKeys } from './hardware-keys.ts'
import { createWorld } from './keys-fixture.ts'

function code(wanted: FaultCode) {
  return { code: wanted }
}

t.test('PINs: what the policy wants, their age, and wrong ones that wait longer and longer', async (t) => {
  const world = await createWorld(t)
  const pinPolicy = { minLength: 12, classes: 3, maxAgeDays: 90 }
  const keys = await world.open({ pinPolicy })
  for (const pin of [
    'Short 1',
    'nocapitals11',
    'NO SMALL ONES',
    `A1 ${'a'.repeat(126)}`,
    'Aa1\u0041\u030a\u0041\u030a\u0041\u030a\u0041',
  ])
    await t.rejects(keys.initialize(pin), code('invalid_input'), pin)
  const first = 'Correct horse 7'
  await keys.initialize(first)
  const day = 86_400_000
  t.match(keys.tokens()[0]?.pin, {
    ...{ minLength: 12, classes: 3, wrong: 0, pausedUntil: undefined },
    ...{ setAt: new Date(world.now).toISOString(), endsAt: new Date(world.now + 90 * day).toISOString() },
  })
  await t.rejects(keys.changePin(first, first), { code: 'invalid_input', what: /another one/ })
  await t.rejects(keys.changePin('Wrong horse 71', 'weak but long enough'), code('invalid_input'))
  t.equal(keys.tokens()[0]?.pin?.wrong, 0, 'a PIN that may not be set costs no try')
  world.now += day
  await keys.changePin(first, 'Another horse 8')
  t.equal(keys.tokens()[0]?.pin?.setAt, new Date(world.now).toISOString())

  for (let i = 0; i < 6; i++) await t.rejects(keys.login('Wrong horse 71'), code('conflict'))
  t.equal(keys.tokens()[0]?.pin?.wrong, 0, 'no PIN is looked at while the token is open')
  keys.logout()
  for (let i = 0; i < 6; i++)
    await t.rejects(keys.login('Wrong horse 71', { isFromFile: true }), code('pin_incorrect'))
  t.equal(keys.tokens()[0]?.pin?.wrong, 0, 'a PIN file that is out of date locks out nobody')
  for (let i = 0; i < 5; i++) await t.rejects(keys.login('Wrong horse 71'), code('pin_incorrect'))
  const again = await world.open({ pinPolicy })
  t.match(again.tokens()[0]?.pin, {
    wrong: 5,
    setAt: new Date(world.now).toISOString(),
    pausedUntil: new Date(world.now + 30_000).toISOString(),
  })
  await t.rejects(
    again.login('Another horse 8'),
    { code: 'pin_incorrect', what: /wait 30 s/ },
    'a restart does not begin anew',
  )
  world.now += 30_000
  await t.rejects(again.login('Wrong horse 71'), code('pin_incorrect'))
  await t.rejects(again.changePin('Another horse 8', 'Third horse 99'), {
    code: 'pin_incorrect',
    what: /wait 60 s/,
  })
  for (let i = 0; i < 9; i++) {
    world.now += 3_600_000
    await t.rejects(again.login('Wrong horse 71'), code('pin_incorrect'))
  }
  await t.rejects(
    again.login('Another horse 8'),
    { code: 'pin_incorrect', what: /wait 3600 s/ },
    'an hour at most',
  )
  await again.login('Another horse 8', { isFromFile: true })
  t.match(
    again.tokens()[0]?.pin,
    { wrong: 0, pausedUntil: undefined },
    'the PIN file of the settings waits for nobody',
  )
  writeFileSync(path.join(world.directory, 'pin-tries.json'), '{"count": 1e999, "last": "x"}', {
    mode: 0o600,
  })
  await (await world.open()).login('Another horse 8')
  chmodSync(path.join(world.directory, 'pin-tries.json'), 0o640)
  await (await world.open()).login('Another horse 8')

  const file = path.join(world.directory, 'token.json')
  const { pinSetAt: _, ...older } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
  writeFileSync(file, JSON.stringify(older), { mode: 0o600 })
  const old = await world.open({ pinPolicy })
  t.equal(
    old.tokens()[0]?.pin?.setAt,
    new Date(statSync(file).mtimeMs).toISOString(),
    'a file of before says it by its time',
  )
  writeFileSync(file, JSON.stringify({ ...older, pinSetAt: 'now' }), { mode: 0o600 })
  await t.rejects(world.open(), code('io_error'))
})

t.test('a PIN that a hardware token took is no error when its time cannot be written', async (t) => {
  const said: string[] = []
  const changes: string[] = []
  const token = {
    ...{ label: 'card', state: () => ({ state: 'open' }), close: () => undefined },
    changePin: async (from: Buffer, to: Buffer) => void changes.push(`${from} ${to}`),
  }
  const keys = await openHardwareKeys({
    ...{ place: { id: '5', label: 'card' }, type: 'HARDWARE', make: () => token as never },
    ...{ directory: t.testdir(), clock: () => 7_000, policy: { minLength: 8, classes: 1 } },
    write: () => Promise.reject(new Error('the disk is full')),
    remove: () => Promise.resolve(),
    log: { error: (_: unknown, message?: string) => void said.push(String(message)) } as never,
    changed: () => undefined,
  })
  await keys.setPin('12345678', '87654321')
  t.same(changes, ['12345678 87654321'])
  t.same(said, ['the time of a new PIN was not written'])
  t.match(keys.pin(), { setAt: new Date(7_000).toISOString() })
})
