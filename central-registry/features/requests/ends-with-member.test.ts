/** Requests of who leaves the register. */
import t from 'tap'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { approve, GUEST, guest, start } from '#test/fakes/request-world.ts'

void t.test('what a member asked for ends when it leaves the register', async (t) => {
  await eachRegistryDatabase(t, async (_, t, url) => {
    const all = await start(t, url)
    const { node, file, detail } = all
    const joins = (await file({ kind: 'clientReg', client: GUEST }, { by: guest })).body
    const address = (await file({ kind: 'addressChange', address: 'b.example' })).body
    t.equal((await node.call('DELETE', '/members/DEV:GOV:5678')).status, 204)
    t.match(await detail(joins.request), {
      state: 'REVOKED',
      decidedBy: `the member ${GUEST} left the register`,
    })
    t.match(await detail(address.request), { state: 'SUBMITTED_FOR_APPROVAL' }, 'that of another goes on')
    await node.must('POST', '/members', { memberClass: 'GOV', memberCode: '5678', name: 'Another' })
    t.equal((await approve(all, joins.request)).status, 409, 'who gets the code later is somebody else')
  })
})
