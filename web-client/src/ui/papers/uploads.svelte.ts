// SPDX-License-Identifier: Apache-2.0
/** Uploads under way, and those that failed until they are dismissed. */
import { Failure, type Fault, type Upload } from '../../core/api.ts';
import type { Hall } from '../hall.svelte.ts';

export interface UploadRow {
  id: number;
  name: string;
  size: number;
  progress: number;
  fault: Fault | null;
}

export class Uploads {
  #hall: Hall;
  rows = $state.raw<readonly UploadRow[]>([]);
  #running = new Map<number, Upload>();
  #lastId = 0;

  constructor(hall: Hall) {
    this.#hall = hall;
  }

  async send(file: File): Promise<void> {
    const id = ++this.#lastId;
    this.rows = [{ id, name: file.name, size: file.size, progress: 0, fault: null }, ...this.rows];
    const upload = this.#hall.papers.upload(file, (progress) => this.#change(id, { progress }));
    this.#running.set(id, upload);
    try {
      await upload.done;
      this.dismiss(id);
    } catch (error) {
      if (this.#running.has(id)) this.#change(id, { fault: error instanceof Failure ? error.code : 'upload-broken' });
    } finally {
      this.#running.delete(id);
    }
  }

  cancel(id: number): void {
    const upload = this.#running.get(id);
    this.#running.delete(id);
    upload?.cancel();
    this.dismiss(id);
  }

  dismiss(id: number): void {
    this.rows = this.rows.filter((row) => row.id !== id);
  }

  #change(id: number, change: Partial<UploadRow>): void {
    this.rows = this.rows.map((row) => (row.id === id ? { ...row, ...change } : row));
  }
}
