/**
 * Hash chains in a container that its signature does not use. X-Road ignores them. We ignore them only if
 * they contain a hash chain and nothing else, so that nobody can mistake other content for something signed.
 */
import { readHashChain, readHashChainResult } from '#core/signature/read-hash-chain.ts'
import { Fault } from '#schemas/fault.ts'
import { PART_NAME } from '#schemas/wire.ts'
import { type Container, ENTRY } from './container.ts'

// Free choices in a chain could carry a message, so names of steps must have this form.
const STEP = /^STEP\d{1,3}$/
const PART = /^\/(?:message\.xml|attachment\d{1,3}|META-INF\/signatures\.xml)$/
const FILES: readonly string[] = ['/hashchain.xml', PART_NAME.hashChain, PART_NAME.timestampHashChain]
const NAMESPACE =
  /xmlns(?::[\w.-]{1,8})?\s*=\s*["'](?!http:\/\/cyber\.ee\/hashchain["']|http:\/\/www\.w3\.org\/2000\/09\/xmldsig#["'])/

/** The names of such entries. `used`: whether the signature refers to the container's own chain. */
export function strayChains(container: Container, used: boolean): string[] {
  const { hashChainResult, hashChain } = container
  const own = [
    { name: ENTRY.hashChainResult, bytes: hashChainResult },
    { name: ENTRY.hashChain, bytes: hashChain },
  ]
  return [...(used ? [] : own), ...container.strayChains].flatMap(({ name, bytes }) =>
    bytes !== undefined && !NAMESPACE.test(bytes.toString('latin1')) && (isChain(bytes) || isResult(bytes))
      ? [name]
      : [],
  )
}

function isChain(bytes: Buffer): boolean {
  return readable(() =>
    [...readHashChain(bytes)].every(
      ([id, items]) =>
        STEP.test(id) &&
        items.every(
          (item) =>
            item.kind === 'value' || (item.kind === 'step' ? STEP.test(item.id) : PART.test(item.uri)),
        ),
    ),
  )
}

function isResult(bytes: Buffer): boolean {
  return readable(() => {
    const { file, step } = readHashChainResult(bytes)
    return STEP.test(step) && FILES.includes(file)
  })
}

function readable(check: () => boolean): boolean {
  try {
    return check()
  } catch (thrown) {
    if (thrown instanceof Fault) return false
    throw thrown
  }
}
