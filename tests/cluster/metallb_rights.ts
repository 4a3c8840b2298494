/** The rights of MetalLB v0.10.2's controller: update of services and their status, no patch. */
export const METALLB_RIGHTS = `apiVersion: v1
kind: Namespace
metadata: { name: metallb-system }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: controller, namespace: metallb-system }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: "metallb-system:controller" }
rules:
- { apiGroups: [""], resources: [services], verbs: [get, list, watch, update] }
- { apiGroups: [""], resources: [services/status], verbs: [update] }
- { apiGroups: [""], resources: [events], verbs: [create, patch] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: config-watcher, namespace: metallb-system }
rules:
- { apiGroups: [""], resources: [configmaps], verbs: [get, list, watch] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: "metallb-system:controller" }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "metallb-system:controller" }
subjects: [{ kind: ServiceAccount, name: controller, namespace: metallb-system }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: config-watcher, namespace: metallb-system }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: config-watcher }
subjects: [{ kind: ServiceAccount, name: controller, namespace: metallb-system }]
`;
