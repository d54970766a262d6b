/** An export that was made before a record was erased down to its leaf: what each later download shows. */
import t from 'tap'
import { createAdminWorld } from '#test/management-api/admin-fixture.ts'
import { until } from '#test/until.ts'
import { signedRecord } from '../../message-log/fixture.ts'
import { filesOf, verified } from './export-fixture.ts'

t.test('a record that was erased since is in no file of it, and it verifies', async (t) => {
  const world = await createAdminWorld(t)
  const { ask, messageLog } = world
  const ids = (id: string) => ({ ids: { id, requestId: `REQUEST-OF-${id}` } })
  const { index } = await messageLog.append(await signedRecord(ids('GONE')))
  const kept = await messageLog.append(await signedRecord(ids('KEPT')))
  await messageLog.append(await signedRecord(ids('STAYS')))
  const orders: { id: string; format: string }[] = []
  for (const format of ['jsonl', 'csv']) {
    const { id } = (await ask('POST', '/message-log/exports', { format, filter: {} })).body as { id: string }
    await until(`the export ${format}`, async () => {
      const { body } = await ask('GET', `/message-log/exports/${id}`)
      return body['state'] === 'done'
    })
    orders.push({ id, format })
  }
  const order = { case: '7', reason: 'by law' }
  await messageLog.retention.erase({ ...order, index, mode: 'LEAF_ONLY' })
  await messageLog.retention.erase({ ...order, index: kept.index, mode: 'PROOF_KEPT' })
  for (const { id, format } of orders) {
    const { raw } = await ask('GET', `/message-log/exports/${id}/file`)
    const files = await filesOf(raw)
    const rows = files.get(`records.${format}`)!.toString()
    t.notMatch(rows, /GONE/, `${format} has nothing of it`)
    t.match(rows, /KEPT/, 'whose metadata stay is shown')
    t.match(rows, /STAYS/)
    t.match(JSON.parse(files.get('filter.json')!.toString()), { records: 2, erasedInRange: 2 })
    const [kind, told] = await verified(raw, world.world.now)
    t.equal(kind, 'export')
    t.match(told, /Rows and filter: holds, 2 rows/)
    t.notMatch(told, /FAILS/)
  }
})
