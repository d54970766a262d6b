/** How much one person may write into the register. */
import t from 'tap'
import { FRIEND, MOTHER, type Reply, startRegister, WORKER } from './mandates-fixture.ts'

const outcome = ({ status, body }: Reply): string =>
  status === 201 ? '201' : `${status} ${JSON.stringify(body).match(/tooMany/)?.[0]}`

t.test('nobody fills the list of another', async (t) => {
  const { ask, give } = await startRegister(t)
  const told: string[] = []
  for (let n = 0; n < 52; n++) {
    const day = new Date(Date.UTC(2030, 0, 1 + n)).toISOString().slice(0, 10)
    const mandate = { role: 'TRACKER:VIEWER', validityPeriod: { from: day, through: day } }
    told.push(outcome(await give(FRIEND.identifier, FRIEND, WORKER, mandate)))
  }
  t.strictSame([told.indexOf('422 tooMany'), told.filter((one) => one === '201').length], [50, 50])
  t.match(
    await give(FRIEND.identifier, FRIEND, MOTHER, { role: 'TRACKER:VIEWER' }),
    { status: 201 },
    'to others, they may',
  )
  t.match(
    await give(MOTHER.identifier, MOTHER, WORKER, { role: 'TRACKER:VIEWER' }),
    { status: 201 },
    'and so may others',
  )
  const list = await ask('GET', `/delegates/${WORKER.identifier}/representees/mandates`, {
    user: WORKER.identifier,
  })
  t.match(list, { status: 200, body: { length: 2 } })
})
