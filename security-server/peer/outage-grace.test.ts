/**
 * A request waits for its turn and for a connection; the configuration ends meanwhile, or the grace of its
 * contract.
 */
import t from 'tap'
import { createPeerWorld } from './peer-fixture.ts'
import { clientOf, fails, listen, onlySs2, REQUEST } from './wire-fixture.ts'

const world = await createPeerWorld(t)

t.test('the configuration ends while the connection is made', async (t) => {
  world.restore()
  onlySs2(world)
  const { asked } = await listen(t, world, world.provider)
  const since = Date.parse('2026-03-01T12:00:00Z')
  t.teardown(() => {
    world.overdue = undefined
  })
  for (const [graceMs, forMs, code] of [
    [undefined, 1, 'global_conf_outdated'],
    [3_600_000, 3_600_000, 'suspension_list_outdated'],
    [3_600_000, 3_599_999, undefined],
  ] as const) {
    world.overdue = undefined
    const client = clientOf(t, world)
    const before = asked()
    // The content is opened before a connection is there.
    const content = (): Buffer => {
      world.overdue = { code: code ?? 'global_conf_outdated', since, forMs }
      return Buffer.from('content')
    }
    const sent = client.post({ ...REQUEST, graceMs, content })
    if (code === undefined) t.equal((await sent).statusCode, 200)
    else await fails(t, sent, code, false)
    t.equal(asked(), before + (code === undefined ? 1 : 0), 'no byte of it leaves')
  }
})
