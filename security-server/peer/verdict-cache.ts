/** Verdicts that hold until a time and for one version of the configuration; the oldest go first when it is full. */

type VerdictCache<T extends { validUntil: number }> = {
  get(key: string, at: number): T | undefined
  set(key: string, verdict: T): void
}

/** `size` bounds the entries; a verdict is given back only while `at < validUntil`. Keys carry the configuration version. */
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
