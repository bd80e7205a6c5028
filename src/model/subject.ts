export interface Subject {
  readonly kind: 'station' | 'area';
  readonly id: string;
}
