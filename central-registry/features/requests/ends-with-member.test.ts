/** Requests of who leaves the register. */
import t from 'tap'
import { headOf, type Party, signedDocument, signingParty } from '#test/fakes/management-requests.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { approve, authority, FILE, GUEST, guest, SERVER, start } from '#test/fakes/request-world.ts'

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

void t.test('who is certified but not in the register is refused, and not told an empty list', async (t) => {
  await eachRegistryDatabase(t, async (_, t, url) => {
    const { world, node } = await start(t, url)
    const ask = async (signer: string, by: Party): Promise<unknown> => {
      const question = { ...headOf(signer, world.clock.now), server: SERVER }
      return (await node.register(`${FILE}/states`, signedDocument('query', question, by))).body
    }
    t.same(await ask(GUEST, guest), [], 'a member that has filed nothing')
    t.equal((await node.call('DELETE', '/members/DEV:GOV:5678')).status, 204)
    const refused = (id: string) => ({
      type: 'access_denied',
      message: new RegExp(`${id} is not in the register`),
    })
    t.match(await ask(GUEST, guest), refused(GUEST), 'it has left')
    const never = await signingParty(authority, 'DEV/GOV/9')
    t.match(await ask('DEV/GOV/9', never), refused('DEV/GOV/9'), 'it was never admitted')
  })
})
