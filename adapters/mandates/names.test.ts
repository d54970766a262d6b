/** To whom the register tells names, and who may leave theirs out. */
import t from 'tap'
import { CHILD, FRIEND, MOTHER, startRegister, WORKER } from './mandates-fixture.ts'

const role = 'TRACKER:VIEWER'
const [mother, child, friend, worker] = [MOTHER, CHILD, FRIEND, WORKER].map(
  ({ identifier }) => identifier,
) as [string, string, string, string]

t.test('names are told where there is a mandate, and a giver is told what they wrote', async (t) => {
  const { ask, give, tell } = await startRegister(t)
  await tell(CHILD, MOTHER, 'FAMILY:PARENT')
  for (const [delegate, wanted] of [
    [friend, 'ns=FAMILY'],
    [mother, `role=${role}`],
  ])
    t.match(
      (await ask('GET', `/representees/${child}/delegates/${delegate}/mandates?${wanted}`)).body,
      { representee: { type: 'UNKNOWN', firstName: undefined }, delegate: { type: 'UNKNOWN' }, mandates: [] },
      'also of people whose names a registrar told',
    )
  t.equal((await give(mother, CHILD, FRIEND, { role })).status, 201)
  // A registrar tells another name since.
  await tell({ ...FRIEND, firstName: 'Secret' }, MOTHER, 'FAMILY:PARENT')
  for (const list of ['delegates/mandates', 'delegates?ns=TRACKER']) {
    const said = JSON.stringify((await ask('GET', `/representees/${child}/${list}`)).body)
    t.match(said, JSON.stringify(FRIEND.firstName))
    t.notMatch(said, 'Secret')
  }
})

t.test('who gives a mandate for themself need not say their own name', async (t) => {
  const { ask, give } = await startRegister(t)
  const unnamed = { type: WORKER.type, identifier: worker }
  t.equal((await give(worker, unnamed, FRIEND, { role })).status, 201)
  t.match(
    (await ask('GET', `/delegates/${friend}/representees?role=${role}`)).body,
    [{ identifier: worker, firstName: undefined }],
    'who holds it sees the number',
  )
  t.equal((await give(worker, WORKER, { type: FRIEND.type, identifier: mother }, { role })).status, 422)
})
