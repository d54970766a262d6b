import t from 'tap'
import { LOOKS } from '#security-server/reading/looks.ts'
import { WRITTEN_DOWN } from './written-down.ts'

t.test('the pages know each look that the server writes down, but for what an act fetches', (t) => {
  const asked = LOOKS.filter((one) => !/^(?:download|export)/.test(one))
  t.strictSame([...WRITTEN_DOWN].sort(), [...asked].sort())
  t.end()
})
