/**
 * Hash chains in a container that its signature does not use. X-Road ignores them; they are ignored here only when they
 * hold a hash chain and nothing else: then nobody can take them for something that was said and signed.
 */
import { readHashChain, readHashChainResult } from '#core/signature/read-hash-chain.ts'
import { Fault } from '#schemas/fault.ts'
import { type Container, ENTRY } from './container.ts'

/** The names of such entries. `used`: the signature refers to the container's own chain. */
export function strayChains(container: Container, used: boolean): string[] {
  const { hashChainResult, hashChain } = container
  const own = [
    { name: ENTRY.hashChainResult, bytes: hashChainResult },
    { name: ENTRY.hashChain, bytes: hashChain },
  ]
  return [...(used ? [] : own), ...container.strayChains].flatMap(({ name, bytes }) =>
    bytes !== undefined && isChain(bytes) ? [name] : [],
  )
}

function isChain(bytes: Buffer): boolean {
  return [readHashChain, readHashChainResult].some((read) => {
    try {
      read(bytes)
      return true
    } catch (thrown) {
      if (thrown instanceof Fault) return false
      throw thrown
    }
  })
}
