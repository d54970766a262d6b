/** SHA-256 of a text, computed by the browser. */
import { useEffect, useState } from 'preact/hooks'

/** In hex. Undefined until it is computed, and when the page is no secure context, where browsers do not compute it. */
export function useDigest(content: string): string | undefined {
  const [digest, setDigest] = useState<string>()
  useEffect(() => {
    let over = false
    void crypto.subtle?.digest('SHA-256', new TextEncoder().encode(content)).then((bytes) => {
      const hex = Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0'))
      if (!over) setDigest(hex.join(''))
    })
    return () => {
      over = true
    }
  }, [content])
  return digest
}
