/** A frozen dataset, its items, and what it was used for. */
import { keepPreviousData, useQuery, type UseQueryResult } from '@tanstack/react-query'
import { api, good, type Schemas } from '../api/client'
import { PAGE_SIZE, queryOf, type ItemFilter } from './itemFilter'

export type Dataset = Schemas['DatasetDetail']
export type Item = Schemas['DatasetItem']
export type ItemDetail = Schemas['DatasetItemDetail']

export function useDataset(dataset_id: string): UseQueryResult<Dataset> {
  return useQuery({
    queryKey: ['dataset', dataset_id],
    queryFn: () => good(api.GET('/api/v1/datasets/{dataset_id}', { params: { path: { dataset_id } } })),
  })
}

export function useItems(dataset_id: string, filter: ItemFilter): UseQueryResult<Schemas['PaginatedDatasetItemList']> {
  return useQuery({
    queryKey: ['dataset-items', dataset_id, filter],
    queryFn: () =>
      good(api.GET('/api/v1/datasets/{dataset_id}/items', { params: { path: { dataset_id }, query: queryOf(filter) } })),
    placeholderData: keepPreviousData,
  })
}

export function useItem(dataset_id: string, case_id: string): UseQueryResult<ItemDetail> {
  return useQuery({
    queryKey: ['dataset-item', dataset_id, case_id],
    queryFn: () =>
      good(api.GET('/api/v1/datasets/{dataset_id}/items/{case_id}', { params: { path: { dataset_id, case_id } } })),
  })
}

export function useInstances(
  dataset_id: string, case_id: string, page: number,
): UseQueryResult<Schemas['PaginatedHeldInstanceList']> {
  const params = { path: { dataset_id, case_id }, query: { page, page_size: PAGE_SIZE } }
  return useQuery({
    queryKey: ['dataset-item-instances', dataset_id, case_id, page],
    queryFn: () => good(api.GET('/api/v1/datasets/{dataset_id}/items/{case_id}/instances', { params })),
    placeholderData: keepPreviousData,
  })
}

export function useUses(dataset_id: string): UseQueryResult<Schemas['DatasetUses']> {
  return useQuery({
    queryKey: ['dataset-uses', dataset_id],
    queryFn: () => good(api.GET('/api/v1/datasets/{dataset_id}/uses', { params: { path: { dataset_id } } })),
  })
}
