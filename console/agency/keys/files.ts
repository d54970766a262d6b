/** Files of keys and certificates in the forms of the API and of other programs. */

/** More than any key store of X-Road; a longer one is refused by the API. */
const MAX_BYTES = 4 * 1024 * 1024

export async function base64Of(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.slice(0, MAX_BYTES).arrayBuffer())
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}

export function pemFile(name: string, pem: string): File {
  return new File([pem], `${name}.pem`, { type: 'application/x-pem-file' })
}
