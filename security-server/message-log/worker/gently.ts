/**
 * Runs background work next to exchanges: after each slice it rests for a multiple of the time that the slice
 * took.
 */
import { setTimeout as wait } from 'node:timers/promises'

const REST = 4

export async function gently<T>(slice: () => Promise<T>): Promise<T> {
  const began = performance.now()
  const result = await slice()
  await wait(REST * (performance.now() - began))
  return result
}
