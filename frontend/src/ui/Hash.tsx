/** The begin of a SHA-256; the whole of it as a hint. */
import { Code } from '@mantine/core'

export function Hash({ of }: { of: string }) {
  return <Code title={of}>{of.slice(0, 12)}</Code>
}
