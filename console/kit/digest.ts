/** SHA-256 of a text or a file, computed by the browser. */
import { useEffect, useState } from 'preact/hooks'

/**
 * In hex. Undefined until it is computed, and when the page is no secure context, where browsers do not
 * compute it.
 */
export function useDigest(content: string | Uint8Array<ArrayBuffer>): string | undefined {
  const [digest, setDigest] = useState<string>()
  useEffect(() => {
    let over = false
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
    void crypto.subtle?.digest('SHA-256', bytes).then((digest) => {
      const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0'))
      if (!over) setDigest(hex.join(''))
    })
    return () => {
      over = true
    }
  }, [content])
  return digest
}
