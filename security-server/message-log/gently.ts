/** Work beside exchanges: after each slice they have the threads for some times as long as it took. */
import { setTimeout as wait } from 'node:timers/promises'

const REST = 4

export async function gently<T>(slice: () => Promise<T>): Promise<T> {
  const began = performance.now()
  const result = await slice()
  await wait(REST * (performance.now() - began))
  return result
}
