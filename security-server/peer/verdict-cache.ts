/**
 * A bounded cache of verdicts, each valid until a given time. The oldest entry is removed when it is full.
 */

type VerdictCache<T extends { validUntil: number }> = {
  get(key: string, at: number): T | undefined
  set(key: string, verdict: T): void
}

/**
 * `size` bounds the entries. `get` returns a verdict only while `at < validUntil`. Callers put the
 * configuration version into the key.
 */
export function createVerdictCache<T extends { validUntil: number }>(size: number): VerdictCache<T> {
  const entries = new Map<string, T>()
  return {
    get(key, at) {
      const verdict = entries.get(key)
      if (verdict === undefined) return undefined
      if (at < verdict.validUntil) return verdict
      entries.delete(key)
      return undefined
    },
    set(key, verdict) {
      if (entries.size >= size) entries.delete(entries.keys().next().value!)
      entries.set(key, verdict)
    },
  }
}
