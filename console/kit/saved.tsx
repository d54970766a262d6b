/** A file that an act made: it is downloaded at once, and the page says so. */
import { useEffect } from 'preact/hooks'
import { save } from './save.ts'
import { text } from './text.ts'

export function Saved({ file }: { file: File }) {
  useEffect(() => save(file), [file])
  return <p class="wrap">{text('file.saved', { name: file.name })}</p>
}
