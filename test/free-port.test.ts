import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t from 'tap'
import { freePort } from './free-port.ts'

/** Of twice as many ports some would meet by chance: there are less than 13,000. */
const COUNT = 500

const told = async (): Promise<number[]> => {
  const ports: number[] = []
  for (let times = 0; times < COUNT; times++) ports.push(await freePort())
  return ports
}

t.test('nobody is told a port that somebody else was told, in this process or another one', async (t) => {
  const program = `
    const { freePort } = await import(${JSON.stringify(new URL('free-port.ts', import.meta.url).href)})
    const ports = []
    for (let times = 0; times < ${COUNT}; times++) ports.push(await freePort())
    console.log(JSON.stringify(ports))
    process.stdin.resume()`
  const other = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.teardown(() => other.kill('SIGKILL'))
  const [own, [line]] = await Promise.all([told(), once(createInterface(other.stdout), 'line')])
  const ports = [...own, ...(JSON.parse(line as string) as number[])]
  t.equal(new Set(ports).size, 2 * COUNT)
})
