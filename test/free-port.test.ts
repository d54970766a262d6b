import t from 'tap'
import { freePort } from './free-port.ts'

t.test('nobody is told a port that somebody else in this process was told', async (t) => {
  const ports: number[] = []
  for (let times = 0; times < 500; times++) ports.push(await freePort())
  t.equal(new Set(ports).size, ports.length)
})
