/** What a browser keeps of strings, until it is full. */
export class MemoryStorage {
  readonly values = new Map<string, string>()
  isFull = false
  get length(): number {
    return this.values.size
  }
  key(index: number): string | null {
    return [...this.values.keys()][index] ?? null
  }
  getItem(key: string): string | null {
    return this.values.get(key) ?? null
  }
  setItem(key: string, value: string): void {
    if (this.isFull) throw new Error('quota')
    this.values.set(key, value)
  }
  removeItem(key: string): void {
    this.values.delete(key)
  }
}
